using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class ImagePackTests
{
    [Fact]
    public void Background_is_the_most_frequent_border_value_of_each_channel()
    {
        // One 3 x 3 image of three channels: the middle pixel must not count.
        byte[] pixels =
        [
            9, 9, 9, 1, 0, 1, 9, 9, 1,
            5, 6, 6, 6, 7, 5, 5, 6, 5, // four of each on the border: the darker one
            3, 3, 3, 3, 200, 3, 3, 3, 3,
        ];

        var pack = new ImagePack(channels: 3, height: 3, width: 3, ["only"], [0], pixels);

        Assert.Equal([9, 5, 3], pack.Background);
    }

    [Fact]
    public void Background_of_tiny_images_counts_each_pixel_once()
    {
        var pack = new ImagePack(channels: 1, height: 1, width: 1, ["only"], [0, 0, 0], [4, 8, 8]);

        Assert.Equal([8], pack.Background);
    }

    [Fact]
    public void Images_and_class_counts_are_found_by_index()
    {
        var pack = new ImagePack(channels: 1, height: 1, width: 2, ["a", "b", "c"], [2, 0, 2], [1, 2, 3, 4, 5, 6]);

        Assert.Equal([3, 4], pack.Image(1).ToArray());
        Assert.Equal([1, 0, 2], pack.ClassCounts);
        Assert.Throws<ArgumentOutOfRangeException>(() => pack.Image(3).ToArray());
    }

    [Theory]
    [InlineData(2, 1, 1, "a", 0, 2)] // channels
    [InlineData(1, 0, 1, "a", 0, 0)] // height
    [InlineData(1, 1, 4097, "a", 0, 4097)] // width
    [InlineData(1, 1, 1, "a", 1, 1)] // label
    [InlineData(1, 1, 1, "a", -1, 1)]
    [InlineData(1, 1, 1, "a", 0, 2)] // pixels
    [InlineData(1, 1, 1, "..", 0, 1)] // class name
    [InlineData(1, 1, 1, "a/b", 0, 1)]
    [InlineData(1, 1, 1, "", 0, 1)]
    public void Parts_that_do_not_fit_together_are_refused(int channels, int height, int width, string name, int label, int bytes) =>
        Assert.Throws<ArgumentException>(() => new ImagePack(channels, height, width, [name], [label], new byte[bytes]));
}
