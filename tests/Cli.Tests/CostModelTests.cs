using Ganymede.Cli;

namespace Ganymede.Tests;

public sealed class CostModelTests
{
    private static readonly long[] Sizes = [4096, 1 << 20, 64 << 20];

    [Fact]
    public void A_fit_finds_the_costs_that_made_the_figures_and_predicts_others()
    {
        var made = new CostModel(20e-6, 0.4e-9, 0.2e-9);
        var rows = from members in Enumerable.Range(2, 3) from bytes in Sizes select (members, bytes, made.Predict(members, bytes, cores: 2));

        var fitted = CostModel.Fit(rows, cores: 2, gamma: 0.2e-9);

        Assert.Equal(made.Alpha, fitted.Alpha, 1e-9);
        Assert.Equal(made.Beta, fitted.Beta, 1e-13);
        Assert.Equal(made.Predict(8, 1 << 24, 2), fitted.Predict(8, 1 << 24, 2), 1e-6);
    }

    [Fact]
    public void A_projection_is_bound_by_the_link_or_by_the_processor()
    {
        var model = new CostModel(0, 0.4e-9, 0.2e-9);

        // Two members move one buffer's length each way: 125 MB/s, then 2 GB/s.
        Assert.Equal(1.0, model.Project(2, 125_000_000, gigabits: 1), 1e-9);
        Assert.Equal(0.5e-9 * 1e9, model.Project(2, 1_000_000_000, gigabits: 100), 1e-9);
        Assert.Equal(2 * 1023 * 1e-5, new CostModel(1e-5, 0, 0).Project(1024, 0, 1), 1e-12);
    }
}
