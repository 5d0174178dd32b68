using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class SafetensorsTests
{
    private static readonly NamedTensor[] Tensors =
    [
        new("labels", TensorType.U8, [3], new byte[] { 1, 2, 3 }),
        new("weight", TensorType.F32, [2, 2], MemoryMarshal.AsBytes<float>([1, -2, 3, 4.5f]).ToArray()),
        new("step", TensorType.I64, [], MemoryMarshal.AsBytes<long>([long.MaxValue]).ToArray()),
        new("norm.größe", TensorType.F64, [1, 0, 7], ReadOnlyMemory<byte>.Empty),
        new("mean", TensorType.F64, [2], MemoryMarshal.AsBytes<double>([0.1, double.NaN]).ToArray()),
    ];

    private static byte[] Bytes(IEnumerable<NamedTensor> tensors) => [.. Safetensors.Write(tensors).SelectMany(part => part.ToArray())];

    private static byte[] File(string header, int dataBytes)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        return file;
    }

    private static string Fault(byte[] file) => Assert.Throws<CheckpointException>(() => Safetensors.Read(file, "ema.safetensors")).Message;

    private static string Entry(string dtype, string shape, string offsets) =>
        "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";

    [Fact]
    public void Reads_a_file_written_by_the_formats_own_description()
    {
        // Layout as in the format's documentation: u64 length, header with metadata and padding, then the data.
        var file = File("""{"__metadata__":{"format":"pt"},"test":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}   """, 8);
        BinaryPrimitives.WriteSingleLittleEndian(file.AsSpan(file.Length - 4), 2.5f);
        var tensor = Assert.Single(Safetensors.Read(file, ""));
        Assert.Equal(("test", TensorType.F32), (tensor.Name, tensor.Type));
        Assert.Equal([1L, 2L], tensor.Shape);
        Assert.Equal([0f, 2.5f], MemoryMarshal.Cast<byte, float>(tensor.Data.Span).ToArray());
    }

    [Fact]
    public void Writes_the_header_the_format_describes_and_aligns_the_data()
    {
        var file = Bytes(Tensors);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        var header = Encoding.UTF8.GetString(file, 8, length);
        Assert.StartsWith("""{"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"norm""", header);
        Assert.Contains(""","weight":{"dtype":"F32","shape":[2,2],"data_offsets":[24,40]},"labels":{"dtype":"U8","shape":[3],"data_offsets":[40,43]}}""", header);
        Assert.Equal(0, length % 8);
        Assert.Equal(8 + length + 43, file.Length);
    }

    [Fact]
    public void Gives_every_tensor_back()
    {
        var found = Safetensors.Read(Bytes(Tensors), "").ToDictionary(tensor => tensor.Name);
        Assert.Equal(Tensors.Length, found.Count);
        foreach (var tensor in Tensors)
        {
            Assert.Equal(tensor.Type, found[tensor.Name].Type);
            Assert.Equal(tensor.Shape, found[tensor.Name].Shape);
            Assert.Equal(tensor.Data.ToArray(), found[tensor.Name].Data.ToArray());
        }

        Assert.Empty(Safetensors.Read(Bytes([]), ""));
    }

    [Fact]
    public void Refuses_to_write_what_could_not_be_read_back()
    {
        Assert.Throws<ArgumentException>(() => Bytes([Tensors[0], Tensors[0]]));
        Assert.Throws<ArgumentException>(() => Bytes([Tensors[0] with { Name = "__metadata__" }]));
        Assert.Throws<ArgumentException>(() => Bytes([Tensors[0] with { Shape = [4] }]));
    }

    [Theory]
    [InlineData("F16", "[2]", "[0,4]", "has dtype F16")]
    [InlineData("f32", "[1]", "[0,4]", "has dtype f32")]
    [InlineData("0", "[1]", "[0,4]", "has dtype 0")]
    [InlineData("F32", "[2]", "[0,4]", "do not fit its shape")]
    [InlineData("U8", "[3]", "[1,4]", "expected 0")]
    [InlineData("F32", "[2]", "[0,8]", "do not fit")]
    [InlineData("U8", "[3]", "[0,3]", "has 4 bytes of data, but its tensors 3")]
    [InlineData("F32", "[-1]", "[0,4]", "no whole number")]
    [InlineData("F32", "[1.5]", "[0,4]", "no whole number")]
    [InlineData("F32", "[\"1\"]", "[0,4]", "no whole number")]
    [InlineData("F32", "1", "[0,4]", "no short list")]
    [InlineData("F32", "[1]", "[4,0]", "do not fit")]
    [InlineData("F32", "[1]", "[0,4,4]", "do not fit")]
    [InlineData("F32", "[4611686018427387905,4]", "[0,4]", "do not fit")]
    [InlineData("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]", "no short list")]
    public void Names_the_fault_of_a_tensors_entry(string dtype, string shape, string offsets, string fault)
    {
        var message = Fault(File(Entry(dtype, shape, offsets), dataBytes: 4));
        Assert.StartsWith("ema.safetensors ", message);
        Assert.Contains(fault, message);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "tensor b at offset 0, expected 4")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""", "damaged header")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4]}}""", "lacks dtype, shape or data_offsets")]
    [InlineData("[]", "no JSON object")]
    [InlineData("""{"a":4}""", "lacks dtype")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "damaged header")]
    public void Names_the_fault_of_a_header(string header, string fault) => Assert.Contains(fault, Fault(File(header, dataBytes: 4)));

    [Fact]
    public void A_header_longer_than_the_file_or_the_limit_is_not_read()
    {
        var file = File("{}", 0);
        foreach (var length in new[] { 3, 1L << 30, long.MaxValue, -1 })
        {
            BinaryPrimitives.WriteInt64LittleEndian(file, length);
            Assert.Contains($"claims a header of {(ulong)length} bytes", Fault(file));
        }

        Assert.Contains("shorter", Fault([1, 2, 3]));
    }

    [Fact]
    public void Two_thousand_random_corruptions_are_refused_as_damaged_or_still_well_formed()
    {
        var good = Bytes(Tensors);
        var header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        var refused = 0;
        Gen.Select(Gen.Int[0, header - 1], Gen.Byte, Gen.Int[0, 12], Gen.Bool).Sample((at, value, length, cut) =>
        {
            byte[] bad = cut ? [.. good[..at], .. good[Math.Min(good.Length, at + length)..]] : [.. good];
            if (!cut)
                bad[at] = value;
            try
            {
                foreach (var tensor in Safetensors.Read(bad, "x"))
                    Assert.Equal(tensor.Shape.Aggregate((long)NamedTensor.SizeOf(tensor.Type), (a, b) => a * b), tensor.Data.Length);
            }
            catch (CheckpointException)
            {
                Interlocked.Increment(ref refused);
            }
        }, iter: 2_000);
        Assert.InRange(refused, 500, 2_000);
    }
}
