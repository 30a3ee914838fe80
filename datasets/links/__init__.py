"""Whether the links that records hold still lead somewhere: looked at now and then, politely, within a budget."""
