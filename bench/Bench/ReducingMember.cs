using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Ganymede.Collectives;

namespace Ganymede.Bench;

/// <summary>A member of our all-reduce over float32, with the fewest shards that give each member one. The first sum of each size is checked bit by
/// bit where the wire is exact.</summary>
internal sealed class ReducingMember : ITeamMember
{
    private const ElementType Type = ElementType.Float32;

    private readonly DataPlane _plane;
    private readonly int _self;
    private readonly int _shards;
    private readonly ShardRange[] _owned;
    private readonly byte[] _nothing = new byte[4];
    private Group? _group;
    private PartialSums? _sums;
    private PartialSums? _noSums;
    private byte[] _result = [];
    private long _step;

    public ReducingMember(int self, int members, IReadOnlyList<string> settings)
    {
        _self = self;
        _shards = (int)BitOperations.RoundUpToPowerOf2((uint)members);
        _owned = ShardAssignment.Even(_shards, members);
        _plane = DataPlane.Listen(settings.Aggregate(
            new DataPlaneOptions { Name = $"member {self}", Log = Console.Error.WriteLine, PhaseDeadline = TimeSpan.FromSeconds(30) }, With));
    }

    public int Port => _plane.Port;

    public void Connect(IReadOnlyList<int> ports)
    {
        var parties = ports.Select((port, i) => new PartyAddress($"member {i}", "127.0.0.1", port, _owned[i])).ToArray();
        _group = _plane.Join("bench", 1, parties, _self, _shards);
        _noSums = Sums(1);
        Barrier();
    }

    public void Prepare(int bytes)
    {
        if (_result.Length == bytes)
        {
            return;
        }

        _sums = Sums(bytes / 4);
        _result = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
        Round();
        if (_plane.Options.Wire != WireFormat.Exact)
        {
            return;
        }

        var whole = new PartialSums(_shards, new ShardRange(0, _shards), Type, bytes / 4);
        Add(whole, new ShardRange(0, _shards), bytes / 4);
        if (!whole.Complete[0].Sum.Span.SequenceEqual(_result))
        {
            throw new InvalidOperationException($"the sum of {bytes} bytes is not the canonical tree's");
        }
    }

    public void Barrier() => _group!.AllReduce(_step++, 0, Type, _noSums!.Complete, _nothing);

    public void Round() => _group!.AllReduce(_step++, 1, Type, _sums!.Complete, _result);

    public void Dispose()
    {
        _group?.Dispose();
        _plane.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(5));
    }

    private PartialSums Sums(int elements)
    {
        var sums = new PartialSums(_shards, _owned[_self], Type, elements);
        Add(sums, _owned[_self], elements);
        return sums;
    }

    private static void Add(PartialSums sums, ShardRange shards, int elements)
    {
        var gradient = new float[elements];
        for (var shard = shards.First; shard < shards.End; shard++)
        {
            for (var i = 0; i < elements; i++)
            {
                gradient[i] = (uint)(i * 2654435761 + shard * 40503) / (float)uint.MaxValue - 0.5f; // rounds when it is added
            }

            sums.Add(shard, MemoryMarshal.AsBytes<float>(gradient));
        }
    }

    private static DataPlaneOptions With(DataPlaneOptions options, string setting) => setting.Split('=', 2) switch
    {
        ["chunk", var value] => options with { ChunkBytes = int.Parse(value, CultureInfo.InvariantCulture) },
        ["connections", var value] => options with { Connections = int.Parse(value, CultureInfo.InvariantCulture) },
        ["algorithm", var value] => options with { Algorithm = Enum.Parse<Algorithm>(value, ignoreCase: true) },
        ["wire", var value] => options with { Wire = Enum.Parse<WireFormat>(value, ignoreCase: true) },
        _ => throw new ArgumentException($"{setting} is not a setting"),
    };
}
