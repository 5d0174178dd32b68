using Ganymede.Messages;

namespace Ganymede.GpuNode;

/// <summary>What this program logs outside its actors.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Data plane: {What}")]
    public static partial void DataPlane(this ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {Run} stops after the step in hand: {Reason}")]
    public static partial void Stopping(this ILogger logger, RunId run, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "View {View} of run {Run} is not for this node, which is in view {Own}")]
    public static partial void StaleView(this ILogger logger, RunId run, long view, long own);

    [LoggerMessage(Level = LogLevel.Warning, Message = "View {View} of run {Run} is over: {What}")]
    public static partial void ViewBroken(this ILogger logger, RunId run, long view, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: {Reason}")]
    public static partial void Controlled(this ILogger logger, RunId run, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Checkpoint {Folder} is not valid and was passed over: {Reason}")]
    public static partial void SkippedCheckpoint(this ILogger logger, string folder, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run} was dropped: {Reason}")]
    public static partial void Aborted(this ILogger logger, RunId run, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} failed on this node")]
    public static partial void Failed(this ILogger logger, Exception error, RunId run);
}
