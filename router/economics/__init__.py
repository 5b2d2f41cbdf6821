"""The economics of inference as calculators: what calls, caches, machines, mixes and products cost.

One module per question; each takes typed inputs and answers with exact decimals. Knows prices; knows no requests.
"""
