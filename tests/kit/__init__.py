"""What tests of several packages use: pictures, databases, an engine that pretends, a harness."""
