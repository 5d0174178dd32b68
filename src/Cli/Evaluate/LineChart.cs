using System.Globalization;
using System.Net;
using System.Text;

namespace Ganymede.Cli;

/// <summary>A line of a chart. Points that are not finite are left out.</summary>
/// <param name="Level">Drawn as a broken line, such as a floor; it has one value for all steps.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, bool Level = false);

/// <summary>
/// Curves over steps as SVG, in the colours of the page it is in, with a legend and the ends of each line in words. Written by hand: a plotting library
/// would bring a second version of the image library, and fonts.
/// </summary>
internal sealed record LineChart(string Title, IReadOnlyList<ChartLine> Lines)
{
    private const int Width = 560, Height = 280, Left = 60, Right = 16, Top = 44, Bottom = 34, MostPoints = 600, Ticks = 5;

    /// <summary>Told apart by people with any kind of colour vision (Okabe and Ito, 2008), on light and on dark.</summary>
    private static readonly string[] _colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

    public string FileName => string.Concat(Title.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-') + ".svg";

    /// <summary>For a page that sets <c>currentColor</c>.</summary>
    public string ToSvg() => Draw(new StringBuilder($"""<svg role="img" aria-label="{Text(Alternative)}" viewBox="0 0 {Width} {Height}" xmlns="http://www.w3.org/2000/svg">"""));

    /// <summary>A file of its own, on white.</summary>
    public string ToFile() => Draw(new StringBuilder($"""<svg role="img" aria-label="{Text(Alternative)}" viewBox="0 0 {Width} {Height}" width="{Width}" height="{Height}" color="#222" font-family="sans-serif" xmlns="http://www.w3.org/2000/svg"><rect width="100%" height="100%" fill="#fff"/>"""));

    private string Alternative => $"{Title} over steps. " + string.Join(" ", Drawn.Where(line => line.Points.Count > 0).Select(line =>
        line.Level ? $"{line.Name}: {Number(line.Points[0].Y)}." : $"{line.Name}: {Number(line.Points[0].Y)} at step {Number(line.Points[0].X)}, {Number(line.Points[^1].Y)} at step {Number(line.Points[^1].X)}."));

    private IReadOnlyList<ChartLine> Drawn => [.. Lines.Select(line => line with { Points = [.. line.Points.Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y))] })];

    private string Draw(StringBuilder svg)
    {
        var lines = Drawn;
        var points = lines.SelectMany(line => line.Points).ToArray();
        var (xs, ys) = (Axis.Of(points.Select(point => point.X), Ticks), Axis.Of(points.Select(point => point.Y), Ticks));
        double X(double value) => Left + (value - xs.First) / (xs.Last - xs.First) * (Width - Left - Right);
        double Y(double value) => Height - Bottom - (value - ys.First) / (ys.Last - ys.First) * (Height - Top - Bottom);

        svg.Append(Invariant($"""<text x="{Left}" y="16" font-size="14" font-weight="600" fill="currentColor">{Text(Title)}</text>"""));
        var at = (double)Left;
        foreach (var (line, i) in lines.Select((line, i) => (line, i)))
        {
            svg.Append(Invariant($"""<line x1="{at:0.#}" x2="{at + 18:0.#}" y1="30" y2="30" {Stroke(line, i)}/><text x="{at + 23:0.#}" y="34" font-size="12" fill="currentColor">{Text(line.Name)}</text>"""));
            at += 40 + 6.6 * line.Name.Length;
        }

        foreach (var tick in ys.Ticks)
            svg.Append(Invariant($"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(tick):0.#}" y2="{Y(tick):0.#}" stroke="currentColor" stroke-opacity="0.15"/><text x="{Left - 6}" y="{Y(tick) + 4:0.#}" font-size="11" text-anchor="end" fill="currentColor">{Number(tick)}</text>"""));
        foreach (var tick in xs.Ticks)
            svg.Append(Invariant($"""<text x="{X(tick):0.#}" y="{Height - 16}" font-size="11" text-anchor="middle" fill="currentColor">{Number(tick)}</text>"""));
        svg.Append(Invariant($"""<text x="{Width - Right}" y="{Height - 2}" font-size="11" text-anchor="end" fill="currentColor">steps</text>"""));

        foreach (var (line, i) in lines.Select((line, i) => (line, i)))
        {
            if (line.Points.Count == 0)
                continue;
            var path = line.Level
                ? [(xs.First, line.Points[0].Y), (xs.Last, line.Points[0].Y)]
                : Thinned(line.Points);
            var marks = string.Join(' ', path.Select(point => Invariant($"{X(point.Item1):0.#},{Y(point.Item2):0.#}")));
            svg.Append(Invariant($"""<polyline points="{marks}" fill="none" stroke-linejoin="round" {Stroke(line, i)}><title>{Text(line.Name)}</title></polyline>"""));
            if (!line.Level && line.Points.Count <= 30)
                foreach (var point in line.Points)
                    svg.Append(Invariant($"""<circle cx="{X(point.X):0.#}" cy="{Y(point.Y):0.#}" r="3" fill="{Colour(i)}"><title>step {Number(point.X)}: {Number(point.Y)}</title></circle>"""));
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>Neighbours joined to their mean where there are more points than pixels.</summary>
    private static (double, double)[] Thinned(IReadOnlyList<(double X, double Y)> points)
    {
        var together = (points.Count + MostPoints - 1) / MostPoints;
        return [.. points.Chunk(together).Select(some => (some.Average(point => point.X), some.Average(point => point.Y)))];
    }

    private static string Colour(int line) => _colours[line % _colours.Length];

    private static string Stroke(ChartLine line, int i) => $"stroke=\"{Colour(i)}\" stroke-width=\"{(line.Level ? "1.5" : "2")}\"{(line.Level ? " stroke-dasharray=\"5 4\"" : "")}";

    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("#,##0", CultureInfo.InvariantCulture),
        >= 0.01 or 0 => value.ToString("0.###", CultureInfo.InvariantCulture),
        _ => value.ToString("0.##e0", CultureInfo.InvariantCulture),
    };

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>Round numbers from below the least value to above the greatest.</summary>
    private sealed record Axis(double First, double Last, IReadOnlyList<double> Ticks)
    {
        public static Axis Of(IEnumerable<double> values, int count)
        {
            var known = values.DefaultIfEmpty(0).ToArray();
            var (least, most) = (known.Min(), known.Max());
            if (most - least < 1e-12)
                (least, most) = (least - 0.5, most + 0.5);
            var raw = (most - least) / count;
            var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
            var step = power * (raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
            var (first, last) = (Math.Floor(least / step) * step, Math.Ceiling(most / step) * step);
            return new Axis(first, last, [.. Enumerable.Range(0, (int)Math.Round((last - first) / step) + 1).Select(tick => Math.Round(first + tick * step, 12))]);
        }
    }
}
