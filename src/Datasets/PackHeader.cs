using System.Buffers;
using System.Buffers.Binary;
using MessagePack;

namespace Ganymede.Datasets;

/// <summary>
/// What stands before the pixels in a pack file: the MessagePack array (format, version, channels, height, width, class
/// names, background bin, labels as bin of little-endian int32).
/// </summary>
internal sealed record PackHeader(
    int Channels, int Height, int Width, IReadOnlyList<string> Classes, byte[] Background, int[] Labels)
{
    private const string Format = "ganymede-pack";
    private const int Version = 1;
    private const int Fields = 8;

    public static PackHeader Of(ImagePack pack) =>
        new(pack.Channels, pack.Height, pack.Width, pack.Classes, pack.Background, pack.Labels);

    public ImagePack ToPack(byte[] pixels) => new(Channels, Height, Width, Classes, Labels, pixels, Background);

    public byte[] ToBytes()
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(Fields);
        writer.Write(Format);
        writer.Write(Version);
        writer.Write(Channels);
        writer.Write(Height);
        writer.Write(Width);
        writer.WriteArrayHeader(Classes.Count);
        foreach (var name in Classes)
        {
            writer.Write(name);
        }

        writer.Write(Background);
        var labels = new byte[Labels.Length * sizeof(int)];
        for (var i = 0; i < Labels.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(labels.AsSpan(i * sizeof(int)), Labels[i]);
        }

        writer.Write(labels);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="InvalidDataException">The bytes are no header of this version.</exception>
    public static PackHeader Parse(byte[] bytes)
    {
        try
        {
            var reader = new MessagePackReader(bytes);
            if (reader.ReadArrayHeader() != Fields || reader.ReadString() != Format)
            {
                throw new InvalidDataException("it is no image pack");
            }

            var version = reader.ReadInt32();
            if (version != Version)
            {
                throw new InvalidDataException($"it has pack version {version}; this program reads version {Version}");
            }

            int channels = reader.ReadInt32(), height = reader.ReadInt32(), width = reader.ReadInt32();
            var classes = new string[reader.ReadArrayHeader()]; // the reader refuses more elements than bytes
            for (var i = 0; i < classes.Length; i++)
            {
                classes[i] = reader.ReadString() ?? "";
            }

            var background = ReadBin(ref reader);
            var labelBytes = ReadBin(ref reader);
            if (labelBytes.Length % sizeof(int) != 0 || !reader.End)
            {
                throw new InvalidDataException("its header is damaged");
            }

            var labels = new int[labelBytes.Length / sizeof(int)];
            for (var i = 0; i < labels.Length; i++)
            {
                labels[i] = BinaryPrimitives.ReadInt32LittleEndian(labelBytes.AsSpan(i * sizeof(int)));
            }

            return new PackHeader(channels, height, width, classes, background, labels);
        }
        catch (Exception e) when (e is MessagePackSerializationException or EndOfStreamException or OverflowException)
        {
            throw new InvalidDataException("its header is damaged", e);
        }
    }

    private static byte[] ReadBin(ref MessagePackReader reader) =>
        reader.ReadBytes() is { } value ? value.ToArray() : throw new InvalidDataException("its header is damaged");
}
