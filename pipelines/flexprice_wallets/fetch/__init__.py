"""Fetches wallets on several connections at once; retries wait without holding a connection up."""
