"""The servers that Tidegate is compared with, one small file each. They are started as programs, never imported."""
