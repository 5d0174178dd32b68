using System.Diagnostics;
using System.Globalization;
using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

public sealed class PyTorchTests
{
    private static readonly TimeSpan _deadline = TimeSpan.FromMinutes(2);

    /// <summary>With GANYMEDE_SLOW_TESTS=1 and a Python that has PyTorch (Debian: python3-torch).</summary>
    [Fact]
    public async Task Figures_are_those_that_PyTorch_computes_from_the_definitions()
    {
        const string python = "/usr/bin/python3";
        if (!Slow.IsOn)
            Assert.Skip("GANYMEDE_SLOW_TESTS is not 1");
        if (!File.Exists(python) || await Run(python, ["-c", "import torch"], "") is null)
            Assert.Skip("no python3 with torch (Debian: apt-get install python3-torch)");
        var (a, b) = (FeatureSets.Normal(700, 16, seed: 1), FeatureSets.Normal(600, 16, seed: 2, shift: 0.2, stretch: 0.9));
        var lines = new[] { a, b }.SelectMany(set => Enumerable.Range(0, set.Rows).Select(row => string.Join(' ', set.Row(row).ToArray().Select(value => value.ToString("R", CultureInfo.InvariantCulture)))));

        var printed = await Run(python, [Path.Combine(AppContext.BaseDirectory, "Metrics", "reference.py")], $"{a.Rows} {b.Rows} {a.Columns}\n{string.Join('\n', lines)}\n");

        Assert.NotNull(printed);
        var expected = printed.Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        var manifold = Manifold.Compare(a, b);
        double[] actual = [FrechetDistance.Between(a, b), KernelDistance.Unbiased(a, b), manifold.Precision, manifold.Recall, manifold.Density, manifold.Coverage];
        foreach (var (wanted, got) in expected.Zip(actual))
            FeatureSets.AssertClose(wanted, got, 1e-9);
    }

    /// <summary>What it printed; null if it failed.</summary>
    private static async Task<string?> Run(string program, IReadOnlyList<string> arguments, string input)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(_deadline);
        await error;
        return process.ExitCode == 0 ? await output : null;
    }
}
