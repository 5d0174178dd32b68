using System.Globalization;
using System.Net;
using System.Numerics;
using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Bench;

/// <summary>
/// A member that trains as a GPU node's replica does: its shard's gradients, all-reduce, update, the next step's real images while the
/// generator's gradients are under way. One shard a member, so each has the same work whatever their number.
/// </summary>
internal sealed class SteppingMember : IPhasedMember
{
    private readonly StepSettings _settings;
    private readonly int _self;
    private readonly int _members;
    private readonly DataPlane _plane;
    private readonly ShardRange[] _owned;
    private readonly Replica _replica;
    private readonly byte[] _nothing = new byte[4];
    private readonly PartialSums[] _sums;
    private readonly byte[][] _gradients;
    private readonly byte[][] _totals;
    private readonly PhaseClock _clock = new();
    private Group? _group;
    private PartialSums? _noSums;
    private long _sequence;
    private readonly ElementType _type;

    public SteppingMember(int self, int members, IReadOnlyList<string> settings)
    {
        (_self, _members, _settings) = (self, members, StepSettings.Parse(settings, members));
        if (!BitOperations.IsPow2(members))
        {
            throw new ArgumentException($"{members} members: one shard each makes as many shards, which must be a power of two");
        }

        _owned = ShardAssignment.Even(members, members);
        _plane = DataPlane.Listen(new DataPlaneOptions
        {
            Name = $"member {self}", Host = _settings.Hosts[self], Log = Console.Error.WriteLine, PhaseDeadline = TimeSpan.FromMinutes(2),
        });
        _replica = new Replica(_settings.Preset, _settings.Images(), seed: 7, "cpu", _settings.Threads);
        _type = _settings.Preset.Precision == Precision.Float64 ? ElementType.Float64 : ElementType.Float32;
        _sums = [.. Phases.Select(phase => new PartialSums(members, _owned[self], _type, _replica.Elements(phase)))];
        _gradients = [.. Phases.Select(phase => GC.AllocateArray<byte>(_replica.Elements(phase) * _replica.ElementSize, pinned: true))];
        _totals = [.. Phases.Select(phase => GC.AllocateArray<byte>(_replica.Elements(phase) * _replica.ElementSize, pinned: true))];
    }

    private static Phase[] Phases => [Phase.Discriminator, Phase.Generator];

    public int Port => _plane.Port;

    public void Connect(IReadOnlyList<int> ports)
    {
        var parties = ports.Select((port, i) => new PartyAddress($"member {i}", _settings.Hosts[i], port, _owned[i])).ToArray();
        _group = _plane.Join("bench", 1, parties, _self, _members, TimeSpan.FromMinutes(2));
        _noSums = new PartialSums(_members, _owned[_self], ElementType.Float32, 1);
        _noSums.Add(_self, _nothing);
        Barrier();
    }

    public void Prepare(int bytes) => _clock.Reset();

    public void Barrier() => _group!.AllReduce(_sequence++, 2, ElementType.Float32, _noSums!.Complete, _nothing);

    public void Round()
    {
        _clock.Start();
        var step = _replica.NextStep;
        foreach (var phase in _settings.Preset.Phases)
        {
            var index = Phases.IndexOf(phase);
            if (phase == Phase.Discriminator)
            {
                _replica.BeginStep(step);
            }

            var (sums, gradient, total) = (_sums[index], _gradients[index], _totals[index]);
            sums.Reset();
            _replica.ComputeShard(phase, step, _self, gradient);
            sums.Add(_self, gradient);
            _clock.Computed();
            using (var pending = _group!.Begin(_sequence++, (byte)phase, _type, sums.Complete, total))
            {
                if (phase == Phase.Generator && _settings.Overlap)
                {
                    _replica.WorkAhead(step + 1, _self);
                    _clock.Computed();
                }

                pending.Wait();
            }

            _clock.Exchanged();
            _replica.Apply(phase, step, total);
            _clock.Updated();
        }
    }

    public PhaseClock Clock => _clock;

    public void Dispose()
    {
        _group?.Dispose();
        _replica.Dispose();
        _plane.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(5));
    }
}

/// <summary>What both step benchmarks are told: <c>preset=NAME batch=B threads=T overlap=on|off hosts=A,B,… set:KEY=VALUE</c>.</summary>
internal sealed record StepSettings(Preset Preset, int Threads, bool Overlap, IReadOnlyList<string> Hosts)
{
    private const int ImageCount = 512;

    public static StepSettings Parse(IReadOnlyList<string> settings, int members)
    {
        var given = settings.Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var batch = int.Parse(given["batch"], CultureInfo.InvariantCulture) * members;
        var preset = Preset.Load(given["preset"], [
            $"batch={batch}", $"shards={members}", .. given.Where(pair => pair.Key.StartsWith("set:", StringComparison.Ordinal)).Select(pair => $"{pair.Key[4..]}={pair.Value}")]);
        return new(
            preset, int.Parse(given["threads"], CultureInfo.InvariantCulture), given["overlap"] == "on",
            given.TryGetValue("hosts", out var hosts) ? hosts.Split(',') : [.. Enumerable.Repeat(IPAddress.Loopback.ToString(), members)]);
    }

    public ImagePack Images() => PresetRate.AnyImages(Preset, ImageCount);
}
