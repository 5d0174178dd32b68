// Each test starts processes that want a core of their own: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
