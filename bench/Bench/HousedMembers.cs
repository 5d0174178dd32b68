namespace Ganymede.Bench;

/// <summary>All members of an all-reduce in one process, each on a thread of its own, over sockets: for more members than processes are bearable.</summary>
internal sealed class HousedMembers : ITeamMember
{
    private readonly ITeamMember[] _members;

    public HousedMembers(int members, IReadOnlyList<string> settings) =>
        _members = [.. Enumerable.Range(0, members).Select(self => new ReducingMember(self, members, settings))];

    public int Port => _members[0].Port;

    public void Connect(IReadOnlyList<int> ports)
    {
        int[] all = [.. _members.Select(member => member.Port)];
        Each(member => member.Connect(all));
    }

    public void Prepare(int bytes) => Each(member => member.Prepare(bytes));

    public void Barrier() => Each(member => member.Barrier());

    public void Round() => Each(member => member.Round());

    /// <inheritdoc/>
    /// <remarks>Of the slowest; the threads are started before the members' own barrier.</remarks>
    public double Time(int calls)
    {
        var seconds = new double[_members.Length];
        Each(member => seconds[Array.IndexOf(_members, member)] = member.Time(calls));
        return seconds.Max();
    }

    public void Dispose() => Array.ForEach(_members, member => member.Dispose());

    private void Each(Action<ITeamMember> action)
    {
        Exception? failure = null;
        var threads = Array.ConvertAll(_members, member => new Thread(() =>
        {
            try
            {
                action(member);
            }
            catch (Exception error) // whatever it is: the benchmark must say it
            {
                Interlocked.CompareExchange(ref failure, error, null);
            }
        }));
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (failure is not null)
        {
            throw new InvalidOperationException($"a member failed: {failure.Message}", failure);
        }
    }
}
