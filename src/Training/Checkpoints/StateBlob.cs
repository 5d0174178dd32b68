using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ganymede.Training;

/// <summary>
/// A replica's state as one piece of memory, as a member hands it to a joiner: the step that comes next and the lengths of four safetensors
/// files as little-endian i64, the files, and the SHA-256 of all that.
/// </summary>
public static class StateBlob
{
    private const int Parts = 4, HeadBytes = (1 + Parts) * sizeof(long);

    public static byte[] Write(ReplicaState state, long nextStep)
    {
        var files = state.Parts.Select(part => Safetensors.Write(part).ToArray()).ToArray();
        var blob = new byte[HeadBytes + files.Sum(file => file.Sum(piece => piece.Length)) + SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteInt64LittleEndian(blob, nextStep);
        var offset = HeadBytes;
        for (var i = 0; i < Parts; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(blob.AsSpan((1 + i) * sizeof(long)), files[i].Sum(piece => (long)piece.Length));
            foreach (var piece in files[i])
            {
                piece.Span.CopyTo(blob.AsSpan(offset));
                offset += piece.Length;
            }
        }

        SHA256.HashData(blob.AsSpan(0, offset), blob.AsSpan(offset));
        return blob;
    }

    /// <exception cref="CheckpointException">It is torn, altered or malformed.</exception>
    public static (ReplicaState State, long NextStep) Read(byte[] blob)
    {
        var end = blob.Length - SHA256.HashSizeInBytes;
        if (end < HeadBytes || !SHA256.HashData(blob.AsSpan(0, end)).AsSpan().SequenceEqual(blob.AsSpan(end)))
            throw new CheckpointException("the state that was handed over is not whole: its SHA-256 differs");

        var parts = new IReadOnlyList<NamedTensor>[Parts];
        long offset = HeadBytes;
        for (var i = 0; i < Parts; i++)
        {
            var length = BinaryPrimitives.ReadInt64LittleEndian(blob.AsSpan((1 + i) * sizeof(long)));
            if (length < 0 || length > end - offset)
                throw new CheckpointException($"part {i} of the state that was handed over claims {length} bytes");
            parts[i] = Safetensors.Read(blob.AsMemory((int)offset, (int)length), $"part {i} of the state that was handed over");
            offset += length;
        }

        return (ReplicaState.Of(parts), BinaryPrimitives.ReadInt64LittleEndian(blob));
    }
}
