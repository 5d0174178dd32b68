using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class PackFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly Gen<ImagePack> Packs =
        from channels in Gen.Bool.Select(colour => colour ? 3 : 1)
        from height in Gen.Int[1, 6]
        from width in Gen.Int[1, 6]
        from classes in Gen.String[Gen.Char.AlphaNumeric, 1, 8].HashSet[1, 5].Select(set => set.ToArray())
        from labels in Gen.Int[0, classes.Length - 1].Array[1, 20]
        from pixels in Gen.Byte.Array[labels.Length * channels * height * width]
        select new ImagePack(channels, height, width, classes, labels, pixels);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_pack_comes_back_as_it_was_written() => Packs.Sample(pack =>
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        var sha = PackFile.Write(path, pack);
        var back = PackFile.Read(path, sha);

        Assert.Equal(PackFile.Sha256Of(path), sha);
        Assert.Equal((pack.Channels, pack.Height, pack.Width), (back.Channels, back.Height, back.Width));
        Assert.Equal(pack.Classes, back.Classes);
        Assert.Equal(pack.Labels, back.Labels);
        Assert.Equal(pack.Pixels, back.Pixels);
        Assert.Equal(pack.Background, back.Background);
    }, iter: 200);

    [Fact]
    public void The_same_pack_gives_the_same_file_and_leaves_no_other()
    {
        var first = PackFile.Write(_folder["a.pack"], Small());
        var second = PackFile.Write(_folder["a.pack"], Small());

        Assert.Equal(first, second);
        Assert.Equal([_folder["a.pack"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Two_thousand_corruptions_are_refused_by_the_hash()
    {
        var sha = PackFile.Write(_folder["good"], Small());
        var good = File.ReadAllBytes(_folder["good"]);

        Corruptions(good).Sample(bad =>
        {
            var path = Stored(bad);
            var error = Assert.Throws<BadDataException>(() => PackFile.Read(path, sha));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }, iter: 2000);
    }

    [Fact]
    public void Two_thousand_corruptions_whose_hash_was_recomputed_do_no_harm()
    {
        PackFile.Write(_folder["good"], Small());
        var good = File.ReadAllBytes(_folder["good"]);

        Corruptions(good).Sample(bad =>
        {
            var path = Stored(bad);
            var sha = PackFile.Sha256Of(path);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var pack = PackFile.Read(path, sha);
                Assert.Equal(pack.Pixels.Length, pack.Count * pack.ImageBytes);
            }
            catch (BadDataException)
            {
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }, iter: 2000);
    }

    [Fact]
    public void A_huge_declared_length_is_refused_before_it_is_allocated()
    {
        var path = Stored([0xC6, 0x7F, 0xFF, 0xFF, 0x00, 1, 2, 3]);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<BadDataException>(() => PackFile.Read(path, PackFile.Sha256Of(path)));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Assert.Contains("nowhere", Assert.Throws<BadDataException>(() => PackFile.Read(_folder["nowhere"], "")).Message, StringComparison.Ordinal);
        Assert.Contains("nowhere", Assert.Throws<BadDataException>(() => PackFile.Sha256Of(_folder["nowhere"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_that_fails_names_the_path_and_leaves_the_old_file()
    {
        Directory.CreateDirectory(_folder["taken"]);
        var error = Assert.Throws<IOException>(() => PackFile.Write(_folder["taken"], Small()));

        Assert.Contains(_folder["taken"], error.Message, StringComparison.Ordinal);
        Assert.Equal([_folder["taken"]], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Throws<IOException>(() => PackFile.Write(_folder["missing/a.pack"], Small()));
    }

    [Fact]
    public void A_full_disk_is_said_with_the_path_and_the_old_file_stays()
    {
        using var disk = SmallDisk.Mount(_folder["disk"], kibibytes: 64);
        var path = _folder["disk/a.pack"];
        var sha = PackFile.Write(path, Small());
        var large = new ImagePack(channels: 1, height: 64, width: 64, ["only"], new int[20], new byte[20 * 64 * 64]);

        var error = Assert.Throws<IOException>(() => PackFile.Write(path, large));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder["disk"]));
        Assert.Equal(3, PackFile.Read(path, sha).Count);
    }

    private static ImagePack Small() =>
        new(channels: 1, height: 4, width: 4, ["cat", "dog"], [0, 1, 1], [.. Enumerable.Range(0, 48).Select(i => (byte)(i * 5))]);

    // One to four bytes changed, or the end cut off, or bytes added.
    private static Gen<byte[]> Corruptions(byte[] good) => Gen.OneOf(
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte[1, 255]).Array[1, 4].Select(flips =>
        {
            var bad = good.ToArray();
            foreach (var (at, mask) in flips.DistinctBy(flip => flip.Item1))
            {
                bad[at] ^= mask;
            }

            return bad;
        }),
        Gen.Int[0, good.Length - 1].Select(length => good[..length]),
        Gen.Byte.Array[1, 20].Select(tail => (byte[])[.. good, .. tail]));

    private string Stored(byte[] bytes)
    {
        var path = _folder[Guid.NewGuid().ToString("N")];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
