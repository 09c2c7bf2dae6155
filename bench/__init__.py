"""Tidegate against other realtime servers: server CPU, memory and latency, measured side by side on one machine."""
