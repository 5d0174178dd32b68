using System.Globalization;
using System.Xml.Linq;
using Ganymede.Cli;

namespace Ganymede.Tests;

public sealed class LineChartTests
{
    private static readonly XNamespace _svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void Is_well_formed_says_in_words_what_it_shows_and_leaves_out_what_is_not_finite()
    {
        var chart = new LineChart("Losses <of> D & G", [new("D", [(10, 1.5), (20, double.NaN), (30, 0.5)]), new("floor", [(10, 1)], Level: true)]);

        foreach (var text in new[] { chart.ToSvg(), chart.ToFile() })
        {
            var svg = XElement.Parse(text);
            var lines = svg.Elements(_svg + "polyline").Select(line => line.Attribute("points")!.Value.Split(' ')).ToArray();

            Assert.Equal("Losses <of> D & G over steps. D: 1.5 at step 10, 0.5 at step 30. floor: 1.", svg.Attribute("aria-label")!.Value);
            Assert.Equal([2, 2], lines.Select(line => line.Length));
            Assert.True(Y(lines[0][0]) < Y(lines[1][0]) && Y(lines[1][0]) < Y(lines[0][1])); // down is less, and the level lies between
        }
    }

    [Fact]
    public void A_long_run_is_thinned_and_no_line_at_all_is_still_a_chart()
    {
        var chart = new LineChart("Losses", [new("D", [.. Enumerable.Range(0, 100_000).Select(step => ((double)step, 1.0))])]);

        Assert.InRange(XElement.Parse(chart.ToSvg()).Element(_svg + "polyline")!.Attribute("points")!.Value.Split(' ').Length, 300, 600);
        Assert.Empty(XElement.Parse(new LineChart("Nothing", [new("D", [])]).ToSvg()).Elements(_svg + "polyline"));
        Assert.Equal("losses--of-checkpoints.svg", new LineChart("Losses (of checkpoints)", []).FileName);
    }

    private static double Y(string point) => double.Parse(point.Split(',')[1], CultureInfo.InvariantCulture);
}
