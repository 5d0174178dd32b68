using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class IdxTests : IDisposable
{
    private static readonly PackSettings Native = new(Size: 2, Channels: 1, SkipUnreadable: false);
    private readonly TemporaryFolder _folder = new();

    private static byte[] Images => TestImages.IdxImages(3, 2, 2, [.. Enumerable.Range(1, 12).Select(i => (byte)i)]);

    private static byte[] Labels => TestImages.IdxLabels(3, [1, 0, 1]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pair_is_found_by_both_names_by_its_folder_and_by_its_images(bool gzip)
    {
        Func<byte[], byte[]> packed = gzip ? TestImages.Gzip : bytes => bytes;
        var suffix = gzip ? ".gz" : "";
        var images = _folder.Add($"train-images-idx3-ubyte{suffix}", packed(Images));
        _folder.Add($"train-labels-idx1-ubyte{suffix}", packed(Labels));

        string[] specs = [$"train-images-idx3-ubyte{suffix},train-labels-idx1-ubyte{suffix}", ".", images];

        Assert.All(specs, spec =>
        {
            var source = DataSource.Resolve(spec, _folder.Path);
            var pack = source.Read(Native, CancellationToken.None).Pack;

            Assert.Equal(spec, source.Name);
            Assert.Equal(["0", "1"], pack.Classes);
            Assert.Equal([1, 0, 1], pack.Labels);
            Assert.Equal(Enumerable.Range(1, 12).Select(i => (byte)i), pack.Pixels);
        });
    }

    [Fact]
    public void Labels_may_count_from_one()
    {
        var pack = Read(Images, TestImages.IdxLabels(3, [2, 1, 3]));

        Assert.Equal(["1", "2", "3"], pack.Classes);
        Assert.Equal([1, 0, 2], pack.Labels);
    }

    [Fact]
    public void Each_fault_is_one_line_that_names_the_file()
    {
        (byte[] Images, byte[] Labels, string[] Says)[] faults =
        [
            (Images[..^1], Labels, ["images", "truncated"]),
            (Images[..10], Labels, ["images", "truncated"]),
            ([], Labels, ["images", "truncated"]),
            (Images, Labels[..^1], ["labels", "truncated"]),
            ([.. Images, 0], Labels, ["images", "longer"]),
            (Labels, Labels, ["images", "idx3"]),
            (Images, Images, ["labels", "idx1"]),
            (Images, TestImages.IdxLabels(2, [0, 1]), ["images", "labels", "3 images", "2 labels"]),
            (Images, TestImages.IdxLabels(3, [0, 1, 9]), ["labels", "label 9", "image 2", "0..1"]),
            (Images, TestImages.IdxLabels(3, [5, 6, 7]), ["labels", "label 5"]),
            (TestImages.IdxImages(0, 2, 2, []), Labels, ["images", "0 items"]),
            (TestImages.IdxImages(3, 0, 2, []), Labels, ["images", "0 x 2"]),
            (TestImages.IdxImages(3, 2, -1, []), Labels, ["images", "4294967295"]),
            (TestImages.IdxImages(int.MaxValue, 4096, 4096, []), Labels, ["images", "bytes"]),
            (TestImages.Gzip(Images)[..^14], Labels, ["images", "truncated"]),
            (Damaged(TestImages.Gzip(Images)), Labels, ["images", "gzip"]),
            (Images, Damaged(TestImages.Gzip(Labels)), ["labels", "gzip"]),
        ];

        Assert.All(faults, fault =>
        {
            var error = Assert.Throws<BadDataException>(() => Read(fault.Images, fault.Labels));

            Assert.StartsWith("--data", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
            Assert.All(fault.Says, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        });
    }

    [Fact]
    public void A_header_that_declares_gigabytes_allocates_only_what_arrives()
    {
        var liar = TestImages.IdxImages(100_000, 100, 100, new byte[1000]);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<BadDataException>(() => IdxFile.ReadImages(new MemoryStream(TestImages.Gzip(liar)), "liar"));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_as_bad_data() =>
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Select(Gen.Int[0, 1000], Gen.Byte).Array[1, 4]).Sample((gzip, labels, changes) =>
        {
            var bytes = labels ? Labels : Images;
            bytes = gzip ? TestImages.Gzip(bytes) : bytes;
            foreach (var (at, value) in changes)
            {
                bytes[at % bytes.Length] = value;
            }

            try
            {
                _ = labels ? IdxFile.ReadLabels(new MemoryStream(bytes), "any").Length : IdxFile.ReadImages(new MemoryStream(bytes), "any").Count;
            }
            catch (BadDataException)
            {
            }
        }, iter: 2000);

    [Fact]
    public void Missing_files_and_unclear_folders_are_named()
    {
        _folder.Add("a-images-idx3-ubyte", Images);
        Says("a-images-idx3-ubyte", "a-labels-idx1-ubyte");
        Says("a-images-idx3-ubyte,no-such", "no-such");
        Says("no-such,a-images-idx3-ubyte", "no-such");
        Says(".", "not one pair");

        _folder.Add("a-labels-idx1-ubyte", Labels);
        _folder.Add("b-images-idx3-ubyte", Images);
        _folder.Add("b-labels-idx1-ubyte", Labels);
        Says(".", "2 files");

        _folder.Add("data.bin", Images);
        Says("data.bin", "IMAGES,LABELS");

        void Says(string spec, string text) => Assert.Contains(
            text, Assert.Throws<BadDataException>(() => DataSource.Resolve(spec, _folder.Path)).Message, StringComparison.Ordinal);
    }

    private ImagePack Read(byte[] images, byte[] labels)
    {
        _folder.Add("images", images);
        _folder.Add("labels", labels);
        return DataSource.Resolve("images,labels", _folder.Path).Read(Native, CancellationToken.None).Pack;
    }

    // The last eight bytes of a gzip file are the checksum and the length of its content.
    private static byte[] Damaged(byte[] gzip) => [.. gzip[..^8], (byte)(gzip[^8] ^ 1), .. gzip[^7..]];
}
