"""Small servers that speak the protocols of the Hub and of Kaggle, on a port of this machine."""
