namespace Ganymede.Messages.Api;

/// <summary>GET /api/cluster, and each event of GET /api/cluster/events: all that changes from moment to moment.</summary>
/// <param name="Version">Of the Coordinator.</param>
/// <param name="KeyRequired">Whoever changes something has to bring the API key.</param>
/// <param name="Runs">Newest first, the fifty newest, without their views (GET /api/runs/{id} has them).</param>
/// <param name="Generations">Newest first, the fifty newest.</param>
/// <param name="LastEvents">For each of these jobs the number of its newest event that is not progress: when it rises, GET …/log has news.</param>
public sealed record ClusterStatus(
    string Version, bool KeyRequired, IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<RunDescription> Runs,
    IReadOnlyList<GenerationDescription> Generations, IReadOnlyDictionary<string, long> LastEvents);

/// <summary>GET /api/runs/{id}/history: the curve of a run as columns, one entry a point. A point of a long run is the mean of several reports.</summary>
public sealed record RunHistory(
    IReadOnlyList<long> Step, IReadOnlyList<DateTimeOffset> Time, IReadOnlyList<double> DiscriminatorLoss, IReadOnlyList<double> GeneratorLoss,
    IReadOnlyList<double> ImagesPerSecond);

/// <summary>GET /api/runs/{id}/metrics: every figure of the run's metrics.jsonl by its name there, one value a step; NaN where there is none.</summary>
public sealed record RunMetrics(IReadOnlyList<long> Step, IReadOnlyDictionary<string, IReadOnlyList<double>> Series);

/// <summary>An entry of GET /api/runs/{id}/grids.</summary>
/// <param name="Href">Where the PNG is.</param>
public sealed record GridReference(long Step, string Href);

/// <summary>Answer to an order that was taken (status 202): what will come of it, in words.</summary>
/// <param name="Id">The run, job or node that it is about.</param>
public sealed record OrderTaken(string Id, IReadOnlyList<string> Lines);
