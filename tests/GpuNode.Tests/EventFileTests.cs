using System.Buffers.Binary;
using Ganymede.GpuNode.Runs;
using Google.Protobuf;

namespace Ganymede.Tests;

/// <summary>Event files read by a reader of their own: records by the format's definition, messages field by field after event.proto.</summary>
public sealed class EventFileTests : IDisposable
{
    private static readonly DateTimeOffset _now = new(2026, 11, 23, 1, 2, 3, 500, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-test-").FullName;

    [Fact]
    public void Says_its_version_first_then_figures_with_their_steps_and_times()
    {
        using (var events = EventFile.Create(_folder, firstStep: 0, _now))
        {
            events.AppendScalars(10, _now.AddSeconds(2), [("loss/generator", 1.25), ("loss/discriminator", double.NaN)]);
            events.AppendImage(20, _now.AddSeconds(4), "samples", [1, 2, 3], height: 5, width: 7, channels: 1);
        }

        var records = Records(Assert.Single(Directory.GetFiles(_folder)));

        Assert.Equal(3, records.Length);
        Assert.All(records, record => Assert.InRange((double)record[1][0], Unix(_now), Unix(_now) + 4)); // the first one's time, too
        Assert.Equal("brain.Event:2", Text(records[0][3][0]));
        Assert.Equal((10L, Unix(_now) + 2), ((long)records[1][2][0], (double)records[1][1][0]));
        var values = Fields((byte[])records[1][5][0])[1].Select(value => Fields((byte[])value)).ToArray();
        Assert.Equal(["loss/generator", "loss/discriminator"], values.Select(value => Text(value[1][0])));
        Assert.Equal(1.25f, values[0][2][0]);
        Assert.Equal(float.NaN, values[1][2][0]);
        var image = Fields((byte[])Fields((byte[])Fields((byte[])records[2][5][0])[1][0])[4][0]);
        Assert.Equal("5 7 1", $"{image[1][0]} {image[2][0]} {image[3][0]}");
        Assert.Equal("\u0001\u0002\u0003", Text(image[4][0]));
    }

    [Fact]
    public void A_resumed_run_starts_another_file_that_takes_back_what_was_undone()
    {
        using (EventFile.Create(_folder, firstStep: 0, _now))
        using (EventFile.Create(_folder, firstStep: 500, _now.AddTicks(1)))
        {
        }

        var newer = Records(Directory.GetFiles(_folder).Order().Last());

        Assert.Equal(2, Directory.GetFiles(_folder).Length);
        Assert.Equal(501L, newer[1][2][0]);
        Assert.Equal(1L, Fields((byte[])newer[1][7][0])[1][0]); // SessionLog.START
    }

    [Fact]
    public void The_checksum_is_Castagnolis()
    {
        Assert.Equal(0xe3069283u, Crc32C("123456789"u8)); // the check value of every catalogue of CRCs: this reader is right
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Dictionary<int, List<object>>[] Records(string path)
    {
        var file = File.ReadAllBytes(path).AsSpan();
        var records = new List<Dictionary<int, List<object>>>();
        while (file.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
            Assert.Equal(Masked(file[..8]), BinaryPrimitives.ReadUInt32LittleEndian(file[8..]));
            var content = file.Slice(12, length);
            Assert.Equal(Masked(content), BinaryPrimitives.ReadUInt32LittleEndian(file[(12 + length)..]));
            records.Add(Fields(content.ToArray()));
            file = file[(16 + length)..];
        }

        return [.. records];
    }

    /// <summary>A message's fields by number: varints as long, 64 bits as double, 32 as float, the rest as bytes.</summary>
    private static Dictionary<int, List<object>> Fields(byte[] message)
    {
        var fields = new Dictionary<int, List<object>>();
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            object value = (tag & 7) switch
            {
                0 => input.ReadInt64(),
                1 => input.ReadDouble(),
                2 => input.ReadBytes().ToByteArray(),
                5 => input.ReadFloat(),
                var kind => throw new InvalidDataException($"wire type {kind}"),
            };
            if (!fields.TryGetValue((int)(tag >> 3), out var values))
                fields.Add((int)(tag >> 3), values = []);
            values.Add(value);
        }

        return fields;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = Crc32C(data);
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }

    /// <summary>Bit by bit, reflected polynomial 0x82f63b78.</summary>
    private static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = 0xffffffffu;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
        }

        return ~crc;
    }

    private static double Unix(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;

    private static string Text(object bytes) => System.Text.Encoding.UTF8.GetString((byte[])bytes);
}
