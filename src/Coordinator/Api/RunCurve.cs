using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>
/// A run's reports from first to last in bounded memory. When it is full neighbours are joined to their mean, so a point stands for
/// 1, 2, 4, … reports and the curve of a run of weeks is as long as that of an hour. Not thread-safe.
/// </summary>
/// <param name="capacity">Points at most, even; at least half as many are kept.</param>
public sealed class RunCurve(int capacity = 1024)
{
    private readonly List<CurvePoint> _points = [];
    private CurvePoint _partial;
    private int _inPartial;
    private int _reportsPerPoint = 1;

    public void Add(DateTimeOffset time, RunProgress report)
    {
        if (report.Step < (_inPartial > 0 ? _partial.Step : _points.Count > 0 ? _points[^1].Step : 0))
            CutBack(report.Step); // it went on from a checkpoint: what came after it did not happen

        var point = new CurvePoint(report.Step, time, report.DiscriminatorLoss, report.GeneratorLoss, report.ImagesPerSecond);
        _partial = _inPartial == 0 ? point : CurvePoint.Mean(_partial, _inPartial, point, 1);
        if (++_inPartial < _reportsPerPoint)
            return;

        _points.Add(_partial);
        _inPartial = 0;
        if (_points.Count < capacity)
            return;
        for (var i = 0; i < capacity / 2; i++)
            _points[i] = CurvePoint.Mean(_points[2 * i], 1, _points[2 * i + 1], 1);
        _points.RemoveRange(capacity / 2, capacity / 2);
        _reportsPerPoint *= 2;
    }

    /// <summary>All points, the newest reports too that do not fill one yet.</summary>
    public CurvePoint[] ToArray() => _inPartial == 0 ? [.. _points] : [.. _points, _partial];

    private void CutBack(long step)
    {
        _points.RemoveAll(point => point.Step >= step);
        _inPartial = 0;
    }
}

/// <summary>Mean of some neighbouring reports, at the step and time of the last of them.</summary>
public readonly record struct CurvePoint(long Step, DateTimeOffset Time, double DiscriminatorLoss, double GeneratorLoss, double ImagesPerSecond)
{
    internal static CurvePoint Mean(CurvePoint first, int firstCount, CurvePoint second, int secondCount)
    {
        double Of(double a, double b) => (a * firstCount + b * secondCount) / (firstCount + secondCount);
        return second with
        {
            DiscriminatorLoss = Of(first.DiscriminatorLoss, second.DiscriminatorLoss),
            GeneratorLoss = Of(first.GeneratorLoss, second.GeneratorLoss),
            ImagesPerSecond = Of(first.ImagesPerSecond, second.ImagesPerSecond),
        };
    }
}
