using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Tensorboard;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// A TensorBoard event file: TFRecords (length, masked CRC-32C of it, bytes, masked CRC-32C of them; all little-endian) of <c>Event</c>
/// messages. Each record is handed to the system as it is written. Thread-safe, as images come from another thread than figures.
/// </summary>
/// <remarks>TorchSharp's own SummaryWriter has the messages, which are used here, and gives its first record a wrong time.</remarks>
public sealed class EventFile : IDisposable
{
    private const string Version = "brain.Event:2";
    private const uint MaskDelta = 0xa282ead8;

    private readonly FileStream _file;
    private readonly Lock _lock = new();

    private EventFile(FileStream file) => _file = file;

    /// <summary>Starts another file in a folder; TensorBoard reads all files of it as one run.</summary>
    /// <param name="firstStep">Steps done before. What other files say of later ones is undone, and TensorBoard drops it.</param>
    /// <param name="now">Part of the name, too, which orders files by it.</param>
    /// <exception cref="IOException">The path is named.</exception>
    public static EventFile Create(string folder, long firstStep, DateTimeOffset now)
    {
        Directory.CreateDirectory(folder);
        var name = string.Create(
            CultureInfo.InvariantCulture, $"events.out.tfevents.{now.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{now.Ticks % TimeSpan.TicksPerSecond:D7}");
        var events = new EventFile(new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read));
        events.Append(new Event { WallTime = Seconds(now), FileVersion = Version });
        if (firstStep > 0)
            events.Append(new Event { WallTime = Seconds(now), Step = firstStep + 1, SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start } });
        return events;
    }

    public void AppendScalars(long step, DateTimeOffset time, IEnumerable<(string Tag, double Value)> scalars)
    {
        var summary = new Summary();
        summary.Value.AddRange(scalars.Select(scalar => new Summary.Types.Value { Tag = scalar.Tag, SimpleValue = (float)scalar.Value }));
        Append(new Event { WallTime = Seconds(time), Step = step, Summary = summary });
    }

    /// <param name="channels">1 or 3.</param>
    public void AppendImage(long step, DateTimeOffset time, string tag, byte[] png, int height, int width, int channels)
    {
        var image = new Summary.Types.Image { Height = height, Width = width, Colorspace = channels, EncodedImageString = ByteString.CopyFrom(png) };
        Append(new Event { WallTime = Seconds(time), Step = step, Summary = new Summary { Value = { new Summary.Types.Value { Tag = tag, Image = image } } } });
    }

    public void Dispose() => _file.Dispose();

    private void Append(Event happened)
    {
        var content = happened.ToByteArray();
        var record = new byte[sizeof(ulong) + sizeof(uint) + content.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(sizeof(ulong)), MaskedCrc(record.AsSpan(0, sizeof(ulong))));
        content.CopyTo(record, sizeof(ulong) + sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(record.Length - sizeof(uint)), MaskedCrc(content));
        lock (_lock)
        {
            _file.Write(record);
            _file.Flush();
        }
    }

    /// <summary>CRC-32C (Castagnoli), rotated and shifted so that a CRC of data that hold CRCs stays a good one.</summary>
    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);
        foreach (var value in data[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }

    private static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;
}
