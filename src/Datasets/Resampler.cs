namespace Ganymede.Datasets;

/// <summary>
/// Brings an image's centred square to the wanted size with an antialiased Catmull-Rom filter (Keys, 1981, a = -0.5),
/// the filter that Parmar, Zhang and Zhu ("On aliased resizing", CVPR 2022) recommend for generative models. In plain
/// double arithmetic, so the same bytes on every machine; an image that has the size already is left as it is.
/// Safe for several threads.
/// </summary>
/// <param name="size">Wanted height and width, pixels.</param>
/// <param name="channels">Wanted channels, 1 or 3.</param>
internal sealed class Resampler(int size, int channels)
{
    // Most sets have images of one size: the kernels of the last one are kept.
    private volatile Kernels? _last;

    /// <param name="image">The image read.</param>
    /// <param name="target">[channels, size, size], written.</param>
    public void Resample(Raster image, Span<byte> target)
    {
        var kernels = _last;
        if (kernels is null || kernels.Width != image.Width || kernels.Height != image.Height)
        {
            _last = kernels = Kernels.Between(image.Width, image.Height, size);
        }

        var (columns, rows) = (kernels.Columns, kernels.Rows);

        var planes = Math.Min(channels, image.SamplesPerPixel);
        var line = new double[image.Width];
        var narrow = new double[image.Height * size]; // one channel, already of the wanted width
        for (var channel = 0; channel < planes; channel++)
        {
            for (var y = rows[0].First; y < rows[^1].First + rows[^1].Weights.Length; y++)
            {
                FillLine(image, y, channel, line);
                for (var x = 0; x < size; x++)
                {
                    narrow[y * size + x] = columns[x].Apply(line, offset: 0, stride: 1);
                }
            }

            for (var y = 0; y < size; y++)
            {
                for (var x = 0; x < size; x++)
                {
                    var value = rows[y].Apply(narrow, offset: x, stride: size);
                    target[(channel * size + y) * size + x] = (byte)Math.Clamp(Math.Floor(value + 0.5), 0, 255);
                }
            }
        }

        for (var channel = planes; channel < channels; channel++)
        {
            target[..(size * size)].CopyTo(target[(channel * size * size)..]);
        }
    }

    private void FillLine(Raster image, int y, int channel, double[] line)
    {
        var row = image.Row(y);
        var step = image.SamplesPerPixel;
        for (var x = 0; x < line.Length; x++)
        {
            line[x] = step == 3 && channels == 1
                ? 0.299 * row[3 * x] + 0.587 * row[3 * x + 1] + 0.114 * row[3 * x + 2] // ITU-R BT.601 luminance
                : row[x * step + channel];
        }
    }

    private sealed record Kernels(int Width, int Height, Kernel[] Columns, Kernel[] Rows)
    {
        public static Kernels Between(int width, int height, int size)
        {
            var side = Math.Min(width, height);
            return new Kernels(
                width, height, Kernel.For(side, size, (width - side) / 2, width), Kernel.For(side, size, (height - side) / 2, height));
        }
    }

    /// <summary>The weights of the source samples from First on that make one target sample; they add up to one.</summary>
    private readonly record struct Kernel(int First, double[] Weights)
    {
        public static Kernel[] For(int side, int size, int start, int length)
        {
            var scale = (double)side / size;
            var stretch = Math.Max(scale, 1); // a wider filter when shrinking: every source pixel counts
            var kernels = new Kernel[size];
            for (var i = 0; i < size; i++)
            {
                var centre = start + (i + 0.5) * scale - 0.5;
                var first = Math.Max(0, (int)Math.Ceiling(centre - 2 * stretch));
                var last = Math.Min(length - 1, (int)Math.Floor(centre + 2 * stretch));
                var weights = new double[last - first + 1];
                for (var k = 0; k < weights.Length; k++)
                {
                    weights[k] = CatmullRom(Math.Abs(first + k - centre) / stretch);
                }

                var total = weights.Sum();
                kernels[i] = new Kernel(first, [.. weights.Select(weight => weight / total)]);
            }

            return kernels;
        }

        public double Apply(double[] samples, int offset, int stride)
        {
            var sum = 0.0;
            for (var k = 0; k < Weights.Length; k++)
            {
                sum += Weights[k] * samples[offset + (First + k) * stride];
            }

            return sum;
        }

        private static double CatmullRom(double x) => x switch
        {
            < 1 => (1.5 * x - 2.5) * x * x + 1,
            < 2 => ((-0.5 * x + 2.5) * x - 4) * x + 2,
            _ => 0,
        };
    }
}
