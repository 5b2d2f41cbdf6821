"""What serving, training and evaluation share: requests, prices, features, estimates, decisions and their files."""
