using Ganymede.Storage;

namespace Ganymede.Tests;

public sealed class ImageGridTests
{
    [Fact]
    public void Images_stand_in_rows_on_white_and_the_last_row_may_be_unfilled()
    {
        var grid = ImageGrid.Compose([1, 2, 3], count: 3, channels: 1, height: 1, width: 1, columns: 2, padding: 1, out var height, out var width);

        Assert.Equal((5, 5), (height, width));
        Assert.Equal(
            [
                255, 255, 255, 255, 255,
                255, 1, 255, 2, 255,
                255, 255, 255, 255, 255,
                255, 3, 255, 255, 255,
                255, 255, 255, 255, 255,
            ], grid);
    }

    [Fact]
    public void Channels_stay_planes()
    {
        byte[] nchw = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; // two images of 3 x 1 x 2
        var grid = ImageGrid.Compose(nchw, count: 2, channels: 3, height: 1, width: 2, columns: 8, padding: 0, out var height, out var width);

        Assert.Equal((1, 4), (height, width));
        Assert.Equal([1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12], grid);
    }

    [Fact]
    public void Bytes_that_are_not_count_images_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageGrid.Compose(new byte[5], 3, 1, 1, 2, 2, 0, out _, out _));
}
