"""Function stacks that run on messages, joins, leaves and events of a rule's channels."""
