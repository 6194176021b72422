"""Recipes, one TOML file each; `recipe` reads them."""
