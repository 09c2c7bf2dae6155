"""Acting on live traffic: kick, take out, block, send again."""
