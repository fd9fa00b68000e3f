"""What esmodel costs, beside a loop written by hand and beside other libraries."""
