from bench.fuzz.run import main

main()
