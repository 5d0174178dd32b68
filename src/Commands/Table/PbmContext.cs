using Akka.Actor;

namespace Ganymede.Commands;

/// <summary>The process in which commands are carried out.</summary>
/// <param name="Role">Its role in the cluster.</param>
/// <param name="Coordinator">The way to whichever Coordinator decides now.</param>
public sealed record PbmContext(ActorSystem System, string Role, ICanTell Coordinator, LogBook Logs, LogLevels Levels)
{
    /// <summary>Longest wait for the Coordinator's answer; a Coordinator that moves needs some seconds.</summary>
    public static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(15);

    public Akka.Cluster.Cluster Cluster => Akka.Cluster.Cluster.Get(System);

    /// <exception cref="PbmException">No answer within <see cref="AnswerDeadline"/>.</exception>
    public async Task<T> Ask<T>(object question, CancellationToken cancel)
    {
        try
        {
            return await Coordinator.Ask<T>(question, AnswerDeadline, cancel);
        }
        catch (AskTimeoutException)
        {
            throw new PbmException($"No Coordinator has answered within {AnswerDeadline.TotalSeconds:0} s; 'cluster show' tells whether there is one.");
        }
    }
}
