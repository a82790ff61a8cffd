"""The workstation agent: bridges card readers and scanners to the counter's page. No Django."""

VERSION = "0.1.0"
