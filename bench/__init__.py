"""What a run costs (`bench.run_costs`) and how long functions take to start (`bench.cold_start`)."""
