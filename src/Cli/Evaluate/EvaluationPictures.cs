using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Storage;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary>A picture of many images, with words for those who see it and for those who do not.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Title">A heading; pictures that follow with the same one stand below it.</param>
internal sealed record Picture(string Title, string Caption, string Alternative, byte[] Png, int Width, int Height);

/// <summary>The pictures of a report.</summary>
internal static class EvaluationPictures
{
    private const int SamplesOfClass = 12, Unlabelled = 72, Paths = 6, PathPoints = 12, Pairs = 12, MostClasses = 32;

    /// <param name="nearest">Generated images and their nearest training images, the nearest first.</param>
    public static IReadOnlyList<Picture> Draw(Checkpoint checkpoint, ImagePack training, IReadOnlyList<NearestPair> nearest, EvaluationSettings settings)
    {
        using var drawer = new ImageDrawer(checkpoint, "cpu", settings.Threads);
        return [.. Samples(drawer, training, settings.Seed), .. Neighbours(training, nearest), .. Interpolations(drawer, settings.Seed)];
    }

    private static IEnumerable<Picture> Samples(ImageDrawer drawer, ImagePack training, ulong seed)
    {
        const string title = "Samples";
        if (!drawer.Conditional)
        {
            var (indices, labels) = (Enumerable.Range(0, Unlabelled).Select(i => (long)i).ToArray(), new int[Unlabelled]);
            yield return Grid(title, "Generated", "Generated images in rows.", drawer.Draw(seed, indices, labels), training, Unlabelled, SamplesOfClass);
            yield return Grid(title, "Real", "Images of the training set in rows.", [.. Enumerable.Range(0, Math.Min(Unlabelled, training.Count)).SelectMany(i => training.Image(i).ToArray())], training, Math.Min(Unlabelled, training.Count), SamplesOfClass);
            yield break;
        }

        for (var label = 0; label < Math.Min(drawer.Classes.Count, MostClasses); label++)
        {
            var name = drawer.Classes[label];
            int[] real = [.. Enumerable.Range(0, training.Count).Where(image => training.Labels[image] == label).Take(SamplesOfClass)];
            long[] indices = [.. Enumerable.Range(0, SamplesOfClass).Select(i => (long)(label * SamplesOfClass + i))];
            byte[] pixels = [.. drawer.Draw(seed, indices, [.. indices.Select(_ => label)]), .. real.SelectMany(image => training.Image(image).ToArray())];
            yield return Grid(title, $"{name}: generated above, real below", $"{SamplesOfClass} generated images of {name}, and below them {real.Length} real ones.", pixels, training, SamplesOfClass + real.Length, SamplesOfClass);
        }
    }

    private static IEnumerable<Picture> Neighbours(ImagePack training, IReadOnlyList<NearestPair> nearest)
    {
        const string title = "Nearest training images";
        var middle = nearest.Skip(nearest.Count / 2).Take(Pairs).ToArray();
        foreach (var (pairs, which) in new[] { (nearest.Take(Pairs).ToArray(), "The generated images nearest to the training set"), (middle, "Generated images at the median distance") })
        {
            var range = string.Create(CultureInfo.InvariantCulture, $"{pairs[0].Distance:0.00} to {pairs[^1].Distance:0.00}");
            yield return Grid(
                title, $"{which} (above) and their nearest training images (below); distance of pixels {range}",
                $"{pairs.Length} generated images, each above the training image that is nearest to it by pixels, at distances {range}.",
                [.. pairs.SelectMany(pair => pair.Generated), .. pairs.SelectMany(pair => training.Image(pair.Training).ToArray())], training, 2 * pairs.Length, pairs.Length);
        }
    }

    private static IEnumerable<Picture> Interpolations(ImageDrawer drawer, ulong seed)
    {
        const string title = "Interpolations";
        var classes = drawer.Classes.Count;
        var paths = Enumerable.Range(0, Paths).SelectMany(row => drawer.DrawPath(
            drawer.Noise(seed, 2 * row), drawer.Noise(seed, 2 * row + 1), drawer.Conditional ? row * classes / Paths : 0, PathPoints)).ToArray();
        yield return Grid(title, "From one noise to another, a path a row: smooth changes show that images are not learned by heart", $"{Paths} rows; in each the left image turns into the right one in {PathPoints} steps.", paths, drawer, Paths * PathPoints, PathPoints);
        if (!drawer.Conditional)
            yield break;

        int[] labels = [.. Enumerable.Range(0, Math.Min(classes, MostClasses))];
        var same = Enumerable.Range(0, Paths).SelectMany(row => drawer.Draw([.. labels.SelectMany(_ => drawer.Noise(seed, row))], labels)).ToArray();
        yield return Grid(title, $"The same noise for each class, a noise a row: {string.Join(", ", labels.Select(label => drawer.Classes[label]))}", $"{Paths} rows of {labels.Length} images; a column is a class, a row one noise.", same, drawer, Paths * labels.Length, labels.Length);
        if (!drawer.HasClassPaths || classes < 2)
            yield break;

        var between = Enumerable.Range(0, Paths).SelectMany(row => drawer.DrawClassPath(drawer.Noise(seed, row), row % classes, (row + 1) % classes, PathPoints)).ToArray();
        yield return Grid(title, "From one class to the next with the same noise: " + string.Join("; ", Enumerable.Range(0, Paths).Select(row => $"{drawer.Classes[row % classes]} to {drawer.Classes[(row + 1) % classes]}")), $"{Paths} rows; in each an image of one class turns into one of another in {PathPoints} steps.", between, drawer, Paths * PathPoints, PathPoints);
    }

    private static Picture Grid(string title, string caption, string alternative, byte[] pixels, ImageDrawer like, int count, int columns) =>
        Grid(title, caption, alternative, pixels, like.Channels, like.Size, like.Size, count, columns);

    private static Picture Grid(string title, string caption, string alternative, byte[] pixels, ImagePack like, int count, int columns) =>
        Grid(title, caption, alternative, pixels, like.Channels, like.Height, like.Width, count, columns);

    private static Picture Grid(string title, string caption, string alternative, byte[] pixels, int channels, int height, int width, int count, int columns)
    {
        var grid = ImageGrid.Compose(pixels, count, channels, height, width, columns, padding: 1, out var gridHeight, out var gridWidth);
        return new Picture(title, caption, alternative, Png.Encode(grid, channels, gridHeight, gridWidth), gridWidth, gridHeight);
    }
}
