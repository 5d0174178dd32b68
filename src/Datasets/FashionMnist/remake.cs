// Remakes the subset beside this file: dotnet run remake.cs [folder of the whole set]. README.md says what is chosen.
using System.Buffers.Binary;
using System.IO.Compression;

const int PerClass = 200, Classes = 10, ImageHeader = 16, LabelHeader = 8;
var source = args.Length > 0 ? args[0] : "/usr/share/datasets/fashion-mnist";
const string Images = "train-images-idx3-ubyte.gz", Labels = "train-labels-idx1-ubyte.gz";

var images = Decompress(Path.Combine(source, Images));
var labels = Decompress(Path.Combine(source, Labels));
var imageBytes = BinaryPrimitives.ReadInt32BigEndian(images.AsSpan(8)) * BinaryPrimitives.ReadInt32BigEndian(images.AsSpan(12));

var taken = new int[Classes];
var chosen = Enumerable.Range(0, labels.Length - LabelHeader).Where(i => taken[labels[LabelHeader + i]]++ < PerClass).ToArray();

Compress("subset-images-idx3-ubyte.gz", images[..ImageHeader], chosen.SelectMany(i => images.Skip(ImageHeader + i * imageBytes).Take(imageBytes)));
Compress("subset-labels-idx1-ubyte.gz", labels[..LabelHeader], chosen.Select(i => labels[LabelHeader + i]));
Console.WriteLine($"{chosen.Length} images, {string.Join(' ', taken.Select(n => Math.Min(n, PerClass)))} of the classes");

static byte[] Decompress(string path)
{
    using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
    using var memory = new MemoryStream();
    gzip.CopyTo(memory);
    return memory.ToArray();
}

void Compress(string name, byte[] header, IEnumerable<byte> values)
{
    BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), chosen.Length);
    using var gzip = new GZipStream(File.Create(name), CompressionLevel.SmallestSize);
    gzip.Write([.. header, .. values]);
}
