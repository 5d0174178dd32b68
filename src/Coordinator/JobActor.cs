using Akka.Actor;

namespace Ganymede.Coordinator;

/// <summary>
/// The actor of one job. A fault of ours ends the job, with its reason for whoever reads its events; the Coordinator does not restart the actor, as a second life
/// would have forgotten what the first one knew.
/// </summary>
public abstract class JobActor : ReceiveActor
{
    protected abstract void Fail(string reason, bool badInput);

    protected override bool AroundReceive(Receive receive, object message)
    {
        try
        {
            return base.AroundReceive(receive, message);
        }
        catch (Exception error)
        {
            Fail($"The Coordinator failed on {message.GetType().Name}: {error.Message}", badInput: false);
            throw; // the supervisor logs it, and stops the actor
        }
    }
}
