using System.Globalization;
using Ganymede.Training.Metrics;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary>A figure with what it would be for real images and for noise, in words.</summary>
internal sealed record FigureRow(string Name, string Value, string Floor, string Ceiling, string Meaning);

/// <summary>An evaluation's main figures, on the screen and in the report alike.</summary>
internal static class EvaluationSummary
{
    public static void Show(Terminal terminal, EvaluationDocument document)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("", "generated", "real (floor)", "noise (ceiling)");
        foreach (var row in Rows(document.Result))
            table.AddRow(row.Name, row.Value, row.Floor, row.Ceiling);
        terminal.People.Write(table);
        terminal.Line($"{"probe",-11} {document.Result.Probe.Accuracy:0.0 %} of {Figures.Count(document.Result.Probe.HeldOut)} held-out images right; {Figures.Count(document.Result.Images)} images a side");
        terminal.Line($"{"figures",-11} {document.Json}");
        terminal.Line($"{"report",-11} {document.Report}");
    }

    public static IEnumerable<FigureRow> Rows(EvaluationResult result)
    {
        yield return Row("FID", result.Fid, "Fréchet distance of the probe's features; less is better. Not Inception's FID: compare within one data set only.");
        yield return new("KID", Kid(result.Kid.Value), Kid(result.Kid.Floor), Kid(result.Kid.Ceiling), "Kernel distance of the same features, unbiased, ± its standard error; less is better.");
        yield return Row("precision", result.Manifold, figures => figures.Precision, "Part of the generated images that lie among real ones.");
        yield return Row("recall", result.Manifold, figures => figures.Recall, "Part of the real images that lie among generated ones.");
        yield return Row("density", result.Manifold, figures => figures.Density, "How deep generated images lie among real ones; 1 is as deep as real ones.");
        yield return Row("coverage", result.Manifold, figures => figures.Coverage, "Part of the real images that have a generated one in their neighbourhood.");
        yield return Row("inception-style score", result.InceptionScore, "Clear and varied classes, by the probe; more is better, at most the number of classes.");
        yield return Row("diversity ratio", result.Diversity, "Mean feature distance of two images (of a class, if there are classes), over that of real ones; below 1 images repeat.");
        if (result.LabelAgreement is { } agreement)
            yield return new("label agreement", Share(agreement), Share(result.Probe.Accuracy), "", "Part of the images that the probe takes for the class they were drawn for.");
        if (result.AccuracyScore is { } score)
            yield return new("classification accuracy score", $"{Share(score.Generated)} ± {Share(score.StandardError)}", Share(score.Real), "",
                $"A classifier trained on {Figures.Count(score.Images)} generated images, tested on {Figures.Count(score.TestImages)} real ones; beside it the same trained on real ones.");
        yield return new("nearer than 5 % of real (features)", Share(result.Memorisation.Features.CloserShare), Share(0.05), "", "Memorisation: part of the generated images nearer to a training image than 95 % of other real images are.");
        yield return new("nearer than 5 % of real (pixels)", Share(result.Memorisation.Pixels.CloserShare), Share(0.05), "", "The same by pixels. Smooth images are near to everything: look at the pairs below.");
    }

    /// <summary>Three digits that matter.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        >= 1e6 => value.ToString("0.00e0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    public static string Share(double value) => value.ToString("0.0 %", CultureInfo.InvariantCulture);

    private static FigureRow Row(string name, Bounded figure, string meaning) => new(name, Short(figure.Value), Short(figure.Floor), Short(figure.Ceiling), meaning);

    private static FigureRow Row(string name, BoundedManifold figures, Func<ManifoldFigures, double> figure, string meaning) =>
        new(name, Short(figure(figures.Value)), Short(figure(figures.Floor)), Short(figure(figures.Ceiling)), meaning);

    private static string Kid(Estimate estimate) => $"{Short(estimate.Value)} ± {Short(estimate.StandardError)}";
}
