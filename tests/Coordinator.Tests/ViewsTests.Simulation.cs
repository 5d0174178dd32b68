using Ganymede.Coordinator.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

public sealed partial class ViewsTests
{
    /// <summary>
    /// Members as they behave: a sum is made only by a view whose members are all in it, and may reach some of them only. What the
    /// state machine decides is carried out at once, or is lost: on those that are dead or stopped, or on its way, which nobody learns of.
    /// </summary>
    private sealed class Simulation
    {
        private sealed class Node(string name, bool joins)
        {
            public NodeId Id { get; } = new(name);
            public bool IsDead { get; set; }
            public bool IsStopped { get; set; }
            public bool IsOut { get; set; }
            public bool HasHalted { get; set; } = joins;
            public bool WillPause { get; set; }
            public long View { get; set; } = joins ? 0 : 1;
            public long OverView { get; set; }
            public long Position { get; set; }
            public NodeId? FetchesFrom { get; set; }
            public ShardTime Computed { get; set; } = new(0, 0);
            public List<Action> Missed { get; } = [];
            public bool Answers => !IsDead && !IsStopped;
        }

        private readonly List<Node> _nodes = [];
        private Views _views;
        private TimeSpan _now;
        private long _furthest;
        private bool _isOver;
        private int _losing;
        private ViewDecision.Issue? _issue;

        public Simulation(int members)
        {
            for (var i = 0; i < members; i++)
                _nodes.Add(new Node($"n{i}", joins: false));
            _views = Start([.. _nodes.Select(node => node.Id.Value)]);
        }

        public void Play((int What, int Who)[] happenings)
        {
            foreach (var (what, who) in happenings)
            {
                if (_isOver)
                    return;
                var node = _nodes[who % _nodes.Count];
                switch (what)
                {
                    case < 40:
                        Sum(lost: what % 4 == 0 ? who : -1);
                        break;
                    case < 46:
                        Kill(node);
                        break;
                    case < 50:
                        node.IsStopped = true;
                        break;
                    case < 58:
                        Wake(node);
                        break;
                    case < 64 when _nodes.Count < 12:
                        var late = new Node($"n{_nodes.Count}", joins: true);
                        _nodes.Add(late);
                        Take(_views.Ready(Member(late.Id.Value), _now));
                        break;
                    case < 68:
                        Take(_views.Leave(node.Id, _now));
                        break;
                    case < 74 when node.Answers && _views.IsMember(node.Id):
                        Suspect(node, _nodes[(who + 1) % _nodes.Count]);
                        break;
                    case < 78:
                        Take(_views.Pause("paused by somebody", _now));
                        break;
                    case < 82:
                        Take(_views.Resume("resumed by somebody", _now));
                        break;
                    case < 86:
                        _losing = 1 + who % 3;
                        break;
                    case < 88:
                        _now += TimeSpan.FromSeconds(who); // the Coordinator stands still, and nobody else
                        break;
                    default:
                        Pass();
                        break;
                }
            }

            Finish();
        }

        /// <summary>Whatever happened: if somebody lives, then within a few MaxStall the run gets on.</summary>
        private void Finish()
        {
            _losing = 0;
            foreach (var node in _nodes)
                Wake(node);
            Take(_views.Pause("paused at last", _now));
            for (var i = 0; i < 400 && !_isOver && _views.RestsAt is null; i++)
            {
                Sum(lost: -1);
                Pass();
            }

            // However long it lasts, those who live are held, at the end of a step, and nobody is thrown out.
            Assert.True(_isOver || _views.RestsAt % 2 == 0, $"does not come to rest in view {_views.View.Number}, {_views.Stage}");
            var (rest, view, evicted) = (_furthest, _views.View.Number, _views.Evicted);
            for (var i = 0; i < 100 && !_isOver; i++)
                Pass();
            Assert.True(_isOver || (rest, view) == (_furthest, _views.View.Number));
            Assert.True(_isOver || evicted == _views.Evicted);
            Take(_views.Resume("resumed at last", _now));
            var from = _furthest;
            for (var i = 0; i < 400 && !_isOver && _furthest < from + 4; i++)
            {
                Sum(lost: -1);
                Pass();
            }

            Assert.True(_isOver || _furthest >= from + 4, $"stuck in view {_views.View.Number}, {_views.Stage}, waiting for {string.Join(", ", _views.Awaited)}");
        }

        private Node this[NodeId id] => _nodes.Single(node => node.Id == id);

        private IEnumerable<Node> Members => _views.View.Members.Select(member => this[member.Node]);

        /// <summary>One phase, if the view is whole. A member that is lost just then may miss the result, and is one behind.</summary>
        private void Sum(int lost)
        {
            var members = Members.ToArray();
            foreach (var node in members.Where(node => node.FetchesFrom is not null && node.Answers && !node.IsOut && !node.HasHalted).ToArray())
            {
                if (node.View == _views.View.Number)
                    Fetch(node, this[node.FetchesFrom!.Value]);
            }

            if (members.Any(node => !node.Answers || node.IsOut || node.HasHalted || node.View != _views.View.Number || node.FetchesFrom is not null))
            {
                // Those who live see it, by a closed socket or by silence. One that has not heard of the view closes none, and answers probes.
                var broken = members.FirstOrDefault(other => !other.Answers || other.IsOut || (other.HasHalted && other.View == _views.View.Number));
                foreach (var node in members.Where(node => broken is not null && node.Answers && !node.IsOut && !node.HasHalted && node.View == _views.View.Number).ToArray())
                    Suspect(node, broken!);
                return;
            }

            // Results that were on their way arrive; nobody can be further than one sum, which needs all.
            if (members.Where(node => node.Position < _furthest).ToArray() is [_, ..] late)
            {
                foreach (var node in late)
                {
                    Assert.Equal(_furthest, ++node.Position);
                    PauseIfAsked(node);
                }

                return;
            }

            Assert.Single(members.Select(node => node.Position).Distinct());
            _furthest++;
            foreach (var (node, index) in members.Select((node, index) => (node, index)))
            {
                if (lost >= 0 && members.Length > 1 && index == lost % members.Length)
                    continue;
                node.Position++;
                PauseIfAsked(node);
            }
        }

        /// <summary>A newcomer has no state until its source has handed it over, and says so where that dies.</summary>
        private void Fetch(Node node, Node source)
        {
            if (!source.Answers || source.IsOut)
                Suspect(node, source);
            else if (source.View == node.View && !source.HasHalted)
                (node.Position, node.FetchesFrom) = (_issue!.Position, null);
        }

        private void PauseIfAsked(Node node)
        {
            if (node.WillPause && node.Position % 2 == 0)
                Halt(node);
        }

        private void Suspect(Node by, Node suspect)
        {
            Take(_views.Suspect(new PeerSuspect(Run, by.Id, by.View, [suspect.Id], 0, 0, 0, 1, Diverged: false, "is silent"), _now));
            Halt(by);
        }

        private void Halt(Node node)
        {
            if (node.IsOut || node.HasHalted)
                return;
            node.HasHalted = true;
            Take(_views.Halt(new MemberHalted(Run, node.Id, node.View, node.Position, (ulong)node.Position + 1), _now));
        }

        private void Kill(Node node)
        {
            if (node.IsDead)
                return;
            node.IsDead = true;
            Take(_views.Gone(node.Id, "is gone", _now));
        }

        private static void Wake(Node node)
        {
            node.IsStopped = false;
            foreach (var missed in node.Missed.ToArray())
                missed();
            node.Missed.Clear();
        }

        /// <summary>A quarter of a second: signs of life, a tick, and evicted nodes that live ask to be let in again.</summary>
        private void Pass()
        {
            _now += Deadlines.Beat;
            foreach (var node in Members.Where(node => node.Answers && !node.IsOut && node.HasHalted).ToArray())
            {
                if (!node.HasHalted)
                    continue; // another's word has just brought the next view about
                // What a member says until it hears of the next view.
                if (node.View > 0)
                    Take(_views.Halt(new MemberHalted(Run, node.Id, node.View, node.Position, (ulong)node.Position + 1), _now));
                else
                    Take(_views.Lacks(node.Id, _now));
            }

            if (_views.Stage == ViewStage.Changing)
            {
                foreach (var node in _views.Awaited.Where(node => this[node].Answers).ToArray())
                    Take(_views.Alive(node, _views.View.Number, _now, byItself: false)); // the probe's word
            }

            // Whoever is out of the run is asked to come again, whether it knows that it is out or not.
            foreach (var node in _nodes.Where(node => node.Answers && _views.MayJoin(node.Id, _now) && _views.Room > 0).ToArray())
            {
                (node.IsOut, node.HasHalted, node.Position, node.View) = (false, true, 0, 0);
                Take(_views.Ready(Member(node.Id.Value), _now));
            }

            // Some take several times as long as others, and which of them changes after a while.
            foreach (var node in Members.Where(node => node.Answers && !node.IsOut && !node.HasHalted && node.View == _views.View.Number).ToArray())
            {
                var pace = 0.01 * (1 + ((_nodes.IndexOf(node) + (int)_now.TotalSeconds) % 5));
                node.Computed = new(node.Computed.Seconds + pace, node.Computed.Shards + 1);
                Take(_views.Observe(new ProgressReport(Run, node.Id, node.View, 0, 0, 0, 0, new PhaseSeconds(0, 0, 0), 0, 0, 0) { ShardTime = node.Computed }, _now));
            }

            Take(_views.Tick(_now));
        }

        private void Take(Views.Outcome outcome)
        {
            var before = _views;
            _views = outcome.Next;
            foreach (var decision in outcome.Decisions)
                Carry(before, decision);
        }

        private void Carry(Views before, ViewDecision decision)
        {
            Assert.NotEmpty(decision.Reason);
            switch (decision)
            {
                case ViewDecision.Halt halt:
                    var over = before.View.Number;
                    foreach (var member in halt.Members)
                    {
                        Reach(this[member], node =>
                        {
                            node.OverView = Math.Max(node.OverView, over);
                            Take(_views.Alive(node.Id, over, _now, byItself: true));
                            if (node.View == over)
                                Halt(node);
                        });
                    }

                    break;
                case ViewDecision.Pause pause:
                    Reach(this[pause.Lead], _ =>
                    {
                        foreach (var node in Members)
                            node.WillPause = true;
                    });
                    break;
                case ViewDecision.Evict evict:
                    Reach(this[evict.Node], node => node.IsOut = true);
                    break;
                case ViewDecision.Release release:
                    this[release.Node].IsOut = this[release.Node].IsDead = true; // it asks until it is let go
                    break;
                case ViewDecision.Issue issue:
                    Begin(before, issue);
                    break;
                case ViewDecision.Repeat repeat:
                    Hear(this[repeat.Node], _issue!);
                    break;
                case ViewDecision.StopRun:
                    _isOver = true;
                    break;
                case ViewDecision.AllLost:
                    Assert.All(Members, node => Assert.True(before.Lost.ContainsKey(node.Id) || !node.Answers || node.IsOut || _views.Lost.ContainsKey(node.Id)));
                    _isOver = true;
                    break;
            }
        }

        private void Begin(Views before, ViewDecision.Issue issue)
        {
            var view = issue.View;
            Assert.True(_views.Hold is null || issue.Position % 2 != 0, "a paused run goes on only to finish a step");
            Assert.Equal(before.View.Number + 1, view.Number);
            var next = 0;
            foreach (var member in view.Members)
            {
                Assert.Equal(next, member.FirstShard);
                Assert.True(member.ShardCount >= 1);
                next += member.ShardCount;
            }

            Assert.Equal(Shards, next);

            // Never two views in force: who was in the one before has left it, or is out.
            foreach (var old in before.View.Members.Select(member => this[member.Node]))
                Assert.True(old.HasHalted || !old.Answers || old.IsOut || !view.Members.Any(member => member.Node == old.Id) || old.View < before.View.Number, $"{old.Id} still trains");

            // Somebody has the newest sum that any survivor has; others are one behind, or get all of the state at a boundary.
            Assert.Contains(view.Members, member => member.Node == issue.Source);
            Assert.Equal(issue.Position, this[issue.Source].Position);
            Assert.True(issue.Position >= _furthest - 1);
            Assert.True(issue.Joining.Count == 0 || issue.Position % 2 == 0);
            foreach (var member in view.Members.Select(member => this[member.Node]).Where(node => !issue.Joining.Contains(node.Id)))
                Assert.InRange(member.Position, issue.Position - 1, issue.Position);

            _furthest = issue.Position;
            _issue = issue;
            foreach (var member in view.Members)
                Hear(this[member.Node], issue);
        }

        private void Hear(Node member, ViewDecision.Issue issue) => Reach(member, node =>
        {
            var number = issue.View.Number;
            if (node.IsOut || node.View >= number || _views.View.Number != number)
                return;
            (node.View, node.HasHalted, node.WillPause) = (number, false, false);
            node.FetchesFrom = issue.Joining.Contains(node.Id) ? issue.Source : null;
            if (node.FetchesFrom is null)
                node.Position = issue.Position;
            if (node.OverView >= number)
                Halt(node);
        });

        private void Reach(Node node, Action<Node> what)
        {
            if (_losing > 0 && node.Answers)
                _losing--;
            else if (node.IsStopped)
                node.Missed.Add(() => what(node));
            else if (!node.IsDead)
                what(node);
        }
    }
}
