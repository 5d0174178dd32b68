using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class FashionMnistTests
{
    private static readonly PackSettings Native = new(Size: 28, Channels: 1, SkipUnreadable: false);

    [Fact]
    public void The_embedded_subset_has_two_hundred_images_of_each_of_ten_garments()
    {
        var source = DataSource.Resolve("fashion-mnist");
        var result = source.Read(Native, CancellationToken.None);

        Assert.Equal("fashion-mnist", source.Name);
        Assert.Empty(result.Unreadable);
        Assert.Equal(
            ["tshirt-top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"], result.Pack.Classes);
        Assert.All(result.Pack.ClassCounts, n => Assert.Equal(200, n));
        Assert.Equal([0], result.Pack.Background);
        Assert.Equal(2000, Enumerable.Range(0, 2000).Select(i => Convert.ToHexString(result.Pack.Image(i))).Distinct().Count());
    }

    [Fact]
    public void The_embedded_subset_is_the_first_of_each_class_of_the_whole_set()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.PackageFolder), "the Debian package dataset-fashion-mnist is not installed");
        var subset = DataSource.Resolve("fashion-mnist").Read(Native, CancellationToken.None).Pack;
        var full = DataSource.Resolve("fashion-mnist-full").Read(Native, CancellationToken.None).Pack;

        Assert.Equal(60_000, full.Count);
        var taken = new int[10];
        int[] first = [.. Enumerable.Range(0, full.Count).Where(i => taken[full.Labels[i]]++ < 200)];
        Assert.Equal(first.Select(i => full.Labels[i]), subset.Labels);
        Assert.All(Enumerable.Range(0, 2000), i => Assert.True(subset.Image(i).SequenceEqual(full.Image(first[i])), $"image {i}"));
    }

    [Fact]
    public void Without_the_package_the_whole_set_names_package_and_command()
    {
        var error = Assert.Throws<BadDataException>(() => FashionMnist.Full("/nowhere"));

        Assert.Contains("fashion-mnist-full", error.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install dataset-fashion-mnist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_packed_subset_never_changes_between_machines()
    {
        using var folder = new TemporaryFolder();
        var pack = DataSource.Resolve("fashion-mnist").Read(new PackSettings(Size: 32, Channels: 1, SkipUnreadable: false), CancellationToken.None).Pack;

        Assert.Equal("bb8e3fac9779605a98592541cd9d230bc32d727d2c65b0b9dc0fc2e8a28f16ed", PackFile.Write(folder["pack"], pack));
    }
}
