"""Recipes as data; `engine.painting.recipe` reads them."""
