using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text;

namespace Ganymede.Cli;

/// <summary>The report as one file: figures, curves and pictures, nothing from outside, readable without scripts, on light and on dark.</summary>
internal static class EvaluationPage
{
    /// <summary>Images of up to 64 pixels are shown twice as large.</summary>
    private const int DoubledUpTo = 900;

    public static string Of(EvaluationDocument document, IReadOnlyList<LineChart> curves, IReadOnlyList<Picture> pictures)
    {
        var page = new StringBuilder();
        var result = document.Result;
        page.Append(CultureInfo.InvariantCulture, $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Text(document.Preset)}, step {Figures.Count(document.Step)}</title>
            <style>
            {Style()}
            </style>
            </head>
            <body>
            <header>
            <h1>{Text(document.Preset)}, step {Figures.Count(document.Step)}</h1>
            <p>Trained on {Text(document.Data ?? "unknown data")}; judged against {(document.HeldOut is { } heldOut ? $"{Text(heldOut)}, which it has not seen" : "a part of the same images, held out from the probe but not from the GAN")}.
            {Figures.Count(result.Images)} images on each side of every distance. Seed {document.Seed}, weights <code>{Text(document.WeightsSha256[..12])}</code>.</p>
            </header>
            <main>
            <section aria-labelledby="figures"><h2 id="figures">Figures</h2>
            <div class="scroll"><table>
            <thead><tr><th scope="col">figure</th><th scope="col">generated</th><th scope="col">real (floor)</th><th scope="col">noise (ceiling)</th><th scope="col" class="words">what it says</th></tr></thead>
            <tbody>
            """);
        foreach (var row in EvaluationSummary.Rows(result))
            page.Append(CultureInfo.InvariantCulture, $"""<tr><th scope="row">{Text(row.Name)}</th><td class="main">{Text(row.Value)}</td><td>{Text(row.Floor)}</td><td>{Text(row.Ceiling)}</td><td class="words">{Text(row.Meaning)}</td></tr>""").Append('\n');
        page.Append(CultureInfo.InvariantCulture, $"""
            </tbody></table></div>
            <p>The probe is a small classifier trained on {Figures.Count(result.Probe.Images)} real images; it gets {EvaluationSummary.Share(result.Probe.Accuracy)} of {Figures.Count(result.Probe.HeldOut)} held-out ones right.
            Floor: held-out real images against other held-out real ones. Ceiling: random pixels against real images.</p>
            </section>

            """);
        Classes(page, document);
        if (curves.Count > 0)
        {
            page.Append("<section aria-labelledby=\"curves\"><h2 id=\"curves\">Curves</h2><div class=\"charts\">\n");
            foreach (var chart in curves)
                page.Append("<figure>").Append(chart.ToSvg()).Append("</figure>\n");
            page.Append("</div></section>\n");
        }

        foreach (var group in pictures.GroupBy(picture => picture.Title))
        {
            var id = group.Key.ToLowerInvariant().Replace(' ', '-');
            page.Append(CultureInfo.InvariantCulture, $"<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{Text(group.Key)}</h2><div class=\"pictures\">\n");
            foreach (var picture in group)
                Show(page, picture);
            page.Append("</div></section>\n");
        }

        return page.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static void Classes(StringBuilder page, EvaluationDocument document)
    {
        if (document.Result.Classes.Count == 0)
            return;
        page.Append("""
            <section aria-labelledby="classes"><h2 id="classes">Classes</h2>
            <div class="scroll"><table>
            <thead><tr><th scope="col">class</th><th scope="col">images</th><th scope="col">FID</th><th scope="col">floor</th><th scope="col">diversity ratio</th><th scope="col">taken for its class</th></tr></thead>
            <tbody>
            """);
        foreach (var one in document.Result.Classes)
            page.Append(CultureInfo.InvariantCulture, $"""<tr><th scope="row">{Text(one.Class)}</th><td>{Figures.Count(one.Images)}</td><td class="main">{Short(one.Fid)}</td><td>{Short(one.FidFloor)}</td><td>{Short(one.Diversity)}</td><td>{(one.LabelAgreement is { } share ? EvaluationSummary.Share(share) : "–")}</td></tr>""").Append('\n');
        page.Append("</tbody></table></div>\n<p>FID grows as images become fewer: compare a class with its floor.</p></section>\n");
    }

    private static void Show(StringBuilder page, Picture picture)
    {
        var zoom = picture.Width <= DoubledUpTo / 2 ? 2 : 1;
        page.Append(CultureInfo.InvariantCulture, $"""<figure><img alt="{Text(picture.Alternative)}" width="{zoom * picture.Width}" height="{zoom * picture.Height}" src="data:image/png;base64,{Convert.ToBase64String(picture.Png)}"><figcaption>{Text(picture.Caption)}</figcaption></figure>""").Append('\n');
    }

    private static string Short(double? value) => value is { } known && double.IsFinite(known) ? EvaluationSummary.Short(known) : "–";

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Style()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Evaluate/evaluation.css")
            ?? throw new InvalidOperationException("Resource Evaluate/evaluation.css is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd();
    }
}
