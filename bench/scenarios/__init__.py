"""What is measured, one module a scenario. Each says how, and returns its figures by variant for one round."""
