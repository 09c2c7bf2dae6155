"""The judge: targets, rules, actors and decisions. Pure: no Flask, database, sockets, clock or randomness."""
