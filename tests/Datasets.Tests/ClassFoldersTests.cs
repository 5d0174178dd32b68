using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class ClassFoldersTests : IDisposable
{
    private static readonly PackSettings Colour = new(Size: 4, Channels: 3, SkipUnreadable: false);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        foreach (var path in Directory.GetDirectories(_folder.Path))
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        _folder.Dispose();
    }

    [Fact]
    public void Subfolders_are_classes_and_both_they_and_their_files_are_sorted_ordinally()
    {
        _folder.Add("b/2.png", Plain(20));
        _folder.Add("b/10.PNG", Plain(10));
        _folder.Add("b/notes.txt", [1]);
        _folder.Add("b/.hidden.png", [1]);
        _folder.Add("B/x.Jpeg", TestImages.Jpeg(9, 9, (_, _) => (30, 30, 30)));
        _folder.Add("a/y.JPG", TestImages.Jpeg(9, 9, (_, _) => (40, 40, 40)));
        _folder.Add(".git/z.png", [1]);
        _folder.Add("readme.md", [1]);

        var pack = Read(Colour).Pack;

        Assert.Equal(["B", "a", "b"], pack.Classes);
        Assert.Equal([0, 1, 2, 2], pack.Labels);
        Assert.Equal([1, 1, 2], pack.ClassCounts);
        Assert.Equal([30, 40, 10, 20], Enumerable.Range(0, 4).Select(i => (int)pack.Image(i)[0]));
    }

    [Fact]
    public void Every_kind_of_image_comes_to_the_wanted_size_and_channels()
    {
        _folder.Add("all/1.png", TestImages.Png(8, 8, TestImages.Grey, [.. Enumerable.Repeat((byte)90, 64)]));
        _folder.Add("all/2.png", TestImages.Png(5, 3, TestImages.Palette, new byte[15], palette: [10, 20, 30]));
        _folder.Add("all/3.png", TestImages.Png(1, 7, TestImages.Rgba, new byte[28]));
        _folder.Add("all/4.jpg", TestImages.Jpeg(30, 17, (_, _) => (100, 100, 100)));

        var colour = Read(Colour).Pack;
        var grey = Read(Colour with { Channels = 1 }).Pack;

        byte[][] expected = [[90, 90, 90], [10, 20, 30], [255, 255, 255], [100, 100, 100]];
        byte[] luminance = [90, 18, 255, 100];
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(expected[i].SelectMany(v => Enumerable.Repeat(v, 16)), colour.Image(i).ToArray());
            Assert.Equal(Enumerable.Repeat(luminance[i], 16), grey.Image(i).ToArray());
        }
    }

    [Fact]
    public void Reading_again_gives_the_same_pack()
    {
        for (var i = 0; i < 60; i++)
        {
            var n = i;
            _folder.Add($"c{i % 3}/{i}.png", TestImages.RgbPng(20 + i, 50, (x, y) => ((byte)(x * n), (byte)(y * n), (byte)(x + y))));
        }

        var hashes = Enumerable.Range(0, 5).Select(i => PackFile.Write(_folder[$"{i}.pack"], Read(Colour).Pack));

        Assert.Single(hashes.Distinct());
    }

    [Fact]
    public void Unreadable_files_stop_the_reading_and_at_most_ten_are_named()
    {
        _folder.Add("a/good.png", Plain(1));
        for (var i = 0; i < 13; i++)
        {
            _folder.Add($"a/bad{i:D2}.png", [1, 2, 3]);
        }

        var message = Assert.Throws<BadDataException>(() => Read(Colour)).Message;

        Assert.Contains("13 images cannot be read: a/bad00.png (", message, StringComparison.Ordinal);
        Assert.Contains("a/bad09.png", message, StringComparison.Ordinal);
        Assert.DoesNotContain("a/bad10.png", message, StringComparison.Ordinal);
        Assert.Contains("... and 3 more", message, StringComparison.Ordinal);
        Assert.Contains("--skip-unreadable", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Unreadable_files_are_left_out_and_named_when_they_are_skipped()
    {
        var truncated = TestImages.RgbPng(64, 64, (x, y) => ((byte)(x * y), (byte)(x ^ y), (byte)x));
        _folder.Add("a/0.png", Plain(5));
        _folder.Add("a/1.png", truncated[..(truncated.Length / 2)]);
        _folder.Add("a/2.png", Plain(6));
        _folder.Add("b/3.png", []);
        _folder.Add("b/4.png", Plain(7));

        var result = Read(Colour with { SkipUnreadable = true });

        Assert.Equal(["a/1.png", "b/3.png"], result.Unreadable.Select(file => file.Path));
        Assert.Equal("empty file", result.Unreadable[1].Reason);
        Assert.Equal([0, 0, 1], result.Pack.Labels);
        Assert.Equal([5, 6, 7], Enumerable.Range(0, 3).Select(i => (int)result.Pack.Image(i)[0]));
    }

    [Fact]
    public void A_class_whose_every_image_is_skipped_is_an_error()
    {
        _folder.Add("a/0.png", Plain(5));
        _folder.Add("empty/1.png", [1]);

        var error = Assert.Throws<BadDataException>(() => Read(Colour with { SkipUnreadable = true }));

        Assert.Contains("'empty'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_folders_no_classes_and_empty_classes_are_told_apart()
    {
        Assert.Contains("no such data set", Assert.Throws<BadDataException>(() => DataSource.Resolve(_folder["nowhere"])).Message, StringComparison.Ordinal);
        Assert.Contains("--data is empty", Assert.Throws<BadDataException>(() => DataSource.Resolve(" ")).Message, StringComparison.Ordinal);
        Assert.Contains("no subfolder", Assert.Throws<BadDataException>(() => Read(Colour)).Message, StringComparison.Ordinal);

        _folder.Add("a/0.png", Plain(5));
        Directory.CreateDirectory(_folder["nothing"]);
        Assert.Contains("class 'nothing' is empty", Assert.Throws<BadDataException>(() => Read(Colour)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_permission_is_named()
    {
        _folder.Add("locked/0.png", Plain(5));
        File.SetUnixFileMode(_folder["locked"], UnixFileMode.None);

        Unprivileged.Run(() =>
        {
            var error = Assert.Throws<BadDataException>(() => Read(Colour));
            Assert.Contains(_folder["locked"], error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_file_without_permission_is_unreadable()
    {
        var path = _folder.Add("a/0.png", Plain(5));
        File.SetUnixFileMode(path, UnixFileMode.None);

        Unprivileged.Run(() => Assert.Equal("no permission", Assert.Throws<UnreadableImageException>(() => ImageDecoder.Read(path)).Message));
    }

    [Fact]
    public void Folder_names_that_cannot_be_class_names_are_refused()
    {
        _folder.Add("two\nlines/0.png", Plain(5));

        var message = Assert.Throws<BadDataException>(() => Read(Colour)).Message;

        Assert.Contains("two?lines", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Cancelling_stops_the_reading()
    {
        _folder.Add("a/0.png", Plain(5));

        Assert.Throws<OperationCanceledException>(() => DataSource.Resolve(_folder.Path).Read(Colour, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_pack_that_fits_into_no_array_is_refused_before_anything_is_decoded()
    {
        for (var i = 0; i < 50; i++)
        {
            _folder.Add($"a/{i}.png", [1]);
        }

        var error = Assert.Throws<BadDataException>(() => Read(new PackSettings(Size: 4096, Channels: 3, SkipUnreadable: false)));

        Assert.Contains("2 GiB", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Plain(byte value) => TestImages.RgbPng(6, 5, (_, _) => (value, value, value));

    private PackResult Read(PackSettings settings) => DataSource.Resolve(_folder.Path).Read(settings, CancellationToken.None);
}
