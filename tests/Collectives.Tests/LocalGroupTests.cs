using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class LocalGroupTests
{
    private const ElementType Type = ElementType.Float64;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Replicas_alone_get_the_canonical_sum_each_in_its_own_memory(int replicas)
    {
        using var local = new LocalGroup(null, replicas, 8, Type);
        var owned = ShardAssignment.Even(8, replicas);
        Members.Run(replicas, replica =>
        {
            for (var step = 0; step < 50; step++)
            {
                var shards = Reference.Shards(Type, 8, step, step);
                var result = new byte[step * 8];
                local.AllReduce(replica, step, 1, Members.PartialsOf(8, owned[replica], Type, shards).Complete, result, 9);
                Assert.Equal(Reference.Sum(Type, shards), result);
                Array.Clear(result);
            }
        });
    }

    [Fact]
    public async Task Replicas_of_several_parties_get_the_same_bits_as_one_process()
    {
        // Three parties with 3, 1 and 2 replicas; the shards of a party's replicas need not be even either.
        await using var cluster = new Members(16, [new ShardRange(0, 7), new ShardRange(7, 4), new ShardRange(11, 5)], options => options with { ChunkBytes = 640 });
        var groups = cluster.JoinAll();
        (int Party, int Replica, ShardRange Owned)[] replicas =
            [(0, 0, new(0, 1)), (0, 1, new(1, 5)), (0, 2, new(6, 1)), (1, 0, new(7, 4)), (2, 0, new(11, 5)), (2, 1, new(16, 0))];
        var locals = groups.Select((group, party) => new LocalGroup(group, replicas.Count(replica => replica.Party == party), 16, Type)).ToArray();
        Members.Run(replicas.Length, i =>
        {
            var (party, replica, owned) = replicas[i];
            for (var step = 0; step < 30; step++)
            {
                var shards = Reference.Shards(Type, 16, 40 * step, step);
                var result = new byte[40 * step * 8];
                locals[party].AllReduce(replica, step, 1, Members.PartialsOf(16, owned, Type, shards).Complete, result, 9);
                Assert.Equal(Reference.Sum(Type, shards), result);
            }
        });
    }

    [Fact]
    public async Task A_replica_that_aborts_wakes_the_others_and_the_other_parties_with_the_same_error()
    {
        await using var cluster = new Members(4, 2);
        var groups = cluster.JoinAll();
        using var local = new LocalGroup(groups[0], 2, 4, Type);
        var shards = Reference.Shards(Type, 4, 10, 1);
        var outcomes = Members.Outcomes(3, i =>
        {
            switch (i)
            {
                case 0:
                    local.AllReduce(0, 1, 1, Members.PartialsOf(4, new(0, 1), Type, shards).Complete, new byte[80]);
                    break;
                case 1:
                    Thread.Sleep(30);
                    local.Abort("replica 1 ran out of memory");
                    local.AllReduce(1, 1, 1, Members.PartialsOf(4, new(1, 1), Type, shards).Complete, new byte[80]);
                    break;
                default:
                    groups[1].AllReduce(1, 1, Type, Members.PartialsOf(4, new(2, 2), Type, shards).Complete, new byte[80]);
                    break;
            }
        });
        Assert.All(outcomes, outcome => Assert.Contains("ran out of memory", Assert.IsType<CollectiveException>(outcome).Message, StringComparison.Ordinal));
        Assert.Equal("member-0", ((CollectiveException)outcomes[2]!).Party);
    }

    [Fact]
    public async Task A_peer_that_is_lost_reaches_every_replica()
    {
        await using var cluster = new Members(4, 2);
        var groups = cluster.JoinAll();
        using var local = new LocalGroup(groups[0], 2, 4, Type);
        var shards = Reference.Shards(Type, 4, 10, 1);
        var outcomes = Members.Outcomes(3, i =>
        {
            if (i == 2)
            {
                Thread.Sleep(30);
                groups[1].Dispose();
                return;
            }

            local.AllReduce(i, 1, 1, Members.PartialsOf(4, new(i, 1), Type, shards).Complete, new byte[80]);
        });
        Assert.All(outcomes[..2], outcome => Assert.Equal("member-1", Assert.IsType<CollectiveException>(outcome).Party));
    }

    [Fact]
    public void A_replica_that_is_cancelled_wakes_the_others()
    {
        using var local = new LocalGroup(null, 3, 4, Type);
        using var source = new CancellationTokenSource(30);
        var outcomes = Members.Outcomes(2, i => local.AllReduce(i, 1, 1, [], new byte[80], 0, i == 0 ? source.Token : default));
        Assert.All(outcomes, outcome => Assert.IsType<OperationCanceledException>(outcome));
    }

    [Fact]
    public void Replicas_that_differ_in_fingerprint_or_place_are_named()
    {
        var shards = Reference.Shards(Type, 4, 10, 1);
        using var diverged = new LocalGroup(null, 2, 4, Type);
        var outcomes = Members.Outcomes(2, i =>
            diverged.AllReduce(i, 1, 1, Members.PartialsOf(4, new(2 * i, 2), Type, shards).Complete, new byte[80], (ulong)(i + 1)));
        Assert.All(outcomes, outcome => Assert.Equal("replica 1", Assert.IsType<DivergenceException>(outcome).Party));

        using var apart = new LocalGroup(null, 2, 4, Type);
        outcomes = Members.Outcomes(2, i => apart.AllReduce(i, i, 1, Members.PartialsOf(4, new(2 * i, 2), Type, shards).Complete, new byte[80]));
        Assert.All(outcomes, outcome => Assert.Contains("others at step", Assert.IsType<CollectiveException>(outcome).Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_replicas_began_is_done_without_them()
    {
        // Party 0 has three replicas, which begin, and party 1 gets its sum before any of them waits.
        await using var cluster = new Members(8, 2);
        var groups = cluster.JoinAll();
        using var local = new LocalGroup(groups[0], 3, 8, Type);
        ShardRange[] owned = [new(0, 1), new(1, 2), new(3, 1)];
        for (var step = 0; step < 20; step++)
        {
            var shards = Reference.Shards(Type, 8, 3000 * step, step);
            var results = Enumerable.Range(0, 4).Select(_ => new byte[3000 * step * 8]).ToArray();
            using var begun = new CountdownEvent(3);
            using var reduced = new ManualResetEventSlim();
            Members.Run(4, i =>
            {
                if (i == 3)
                {
                    begun.Wait(TestContext.Current.CancellationToken);
                    groups[1].AllReduce(step, 1, Type, Members.PartialsOf(8, cluster.Owned[1], Type, shards).Complete, results[i], 9);
                    reduced.Set();
                    return;
                }

                using var pending = local.Begin(i, step, 1, Members.PartialsOf(8, owned[i], Type, shards).Complete, results[i], 9);
                begun.Signal();
                reduced.Wait(TestContext.Current.CancellationToken);
                pending.Wait(TestContext.Current.CancellationToken);
            });
            Assert.All(results, result => Assert.Equal(Reference.Sum(Type, shards), result));
        }
    }

    [Fact]
    public async Task A_replica_that_gives_up_what_it_began_wakes_all_others()
    {
        await using var cluster = new Members(4, 2);
        var groups = cluster.JoinAll();
        using var local = new LocalGroup(groups[0], 2, 4, Type);
        var shards = Reference.Shards(Type, 4, 10, 1);
        using var gaveUp = new ManualResetEventSlim();
        var outcomes = Members.Outcomes(3, i =>
        {
            if (i == 2)
            {
                gaveUp.Wait(TestContext.Current.CancellationToken);
                groups[1].AllReduce(1, 1, Type, Members.PartialsOf(4, new(2, 2), Type, shards).Complete, new byte[80]);
                return;
            }

            var pending = local.Begin(i, 1, 1, Members.PartialsOf(4, new(i, 1), Type, shards).Complete, new byte[80]);
            if (i == 0)
            {
                pending.Wait(TestContext.Current.CancellationToken);
                return;
            }

            pending.Dispose();
            gaveUp.Set();
        });
        Assert.Null(outcomes[1]);
        foreach (var waiting in new[] { outcomes[0], outcomes[2] })
        {
            Assert.Contains("replica 1 gave up", Assert.IsType<CollectiveException>(waiting).Message, StringComparison.Ordinal);
        }
    }
}
