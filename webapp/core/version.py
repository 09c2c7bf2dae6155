"""The version of Tidegate, which pyproject.toml names too."""

VERSION = "0.1.0"
