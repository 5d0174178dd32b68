using System.Runtime.CompilerServices;
using Ganymede.Messages;

namespace Ganymede.Commands;

/// <summary>Follows a job's events over the cluster: asks for those that are new, twice a second, until the last.</summary>
internal static class JobTail
{
    private const int Page = 500, First = 10;

    private static readonly TimeSpan _period = TimeSpan.FromMilliseconds(500);

    public static async IAsyncEnumerable<string> Follow(PbmContext context, string job, [EnumeratorCancellation] CancellationToken cancel)
    {
        long after = 0;
        Queue<EventLine> newest = [];
        EventPage page;
        do
        {
            page = await context.Ask<EventPage>(new ReadEvents(job, after, Page), cancel);
            job = page.Job ?? throw new PbmException(job.Length == 0 ? "No job has been started yet." : $"No job is called '{job}'.");
            foreach (var line in page.Events)
            {
                newest.Enqueue(line);
                if (newest.Count > First)
                    newest.Dequeue();
                after = line.Sequence;
            }
        }
        while (page.Events.Length == Page && !page.IsLast);

        foreach (var line in newest)
            yield return Text(line);
        while (!page.IsLast)
        {
            await Task.Delay(_period, cancel);
            page = await context.Ask<EventPage>(new ReadEvents(job, after, Page), cancel);
            if (page.Job is null)
                throw new PbmException($"The Coordinator does not know {job} any more; it has been started anew.");
            foreach (var line in page.Events)
            {
                yield return Text(line);
                after = line.Sequence;
            }
        }

        if (newest.Any(line => line.Kind == "failed") || page.Events.Any(line => line.Kind == "failed"))
            throw new PbmException($"{job} failed.");
    }

    private static string Text(EventLine line) => $"{line.Time:HH:mm:ss.fff}  {line.Text}";
}
