namespace Ganymede.Datasets;

/// <summary>Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28 x 28 grey pictures of ten garments; MIT licence.</summary>
internal static class FashionMnist
{
    public const string SubsetName = "fashion-mnist";
    public const string FullName = "fashion-mnist-full";
    public const string TestName = "fashion-mnist-test";
    public const string PackageFolder = "/usr/share/datasets/fashion-mnist";

    // The original's names in label order, fit for folders.
    private static readonly string[] Classes =
        ["tshirt-top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"];

    /// <summary>The 2,000 images within this program; see FashionMnist/README.md.</summary>
    public static DataSource Subset()
    {
        const string images = "FashionMnist/subset-images-idx3-ubyte.gz", labels = "FashionMnist/subset-labels-idx1-ubyte.gz";
        return new IdxPair(SubsetName, images, () => Embedded(images), labels, () => Embedded(labels), Classes);
    }

    /// <summary>The 60,000 training images of the Debian package.</summary>
    /// <exception cref="BadDataException">The package is not installed.</exception>
    public static DataSource Full(string folder) => OfPackage(FullName, folder, "train");

    /// <summary>Its 10,000 test images, none of them among the training images.</summary>
    /// <exception cref="BadDataException">The package is not installed.</exception>
    public static DataSource Test(string folder) => OfPackage(TestName, folder, "t10k");

    private static IdxPair OfPackage(string name, string folder, string part)
    {
        var images = Path.Combine(folder, $"{part}-images-idx3-ubyte.gz");
        var labels = Path.Combine(folder, $"{part}-labels-idx1-ubyte.gz");
        if (!File.Exists(images) || !File.Exists(labels))
        {
            throw new BadDataException(
                $"--data {name}: needs the Debian package dataset-fashion-mnist (apt-get install dataset-fashion-mnist); "
                + $"there is no {images}.");
        }

        return IdxPair.OfFiles(name, images, labels, Classes);
    }

    private static Stream Embedded(string name) =>
        typeof(FashionMnist).Assembly.GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"Resource {name} is missing.");
}
