[assembly: CollectionBehavior(DisableTestParallelization = true)] // clusters of real processes need the cores to themselves
