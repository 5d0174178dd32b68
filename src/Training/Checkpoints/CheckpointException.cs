namespace Ganymede.Training;

/// <summary>
/// A checkpoint that cannot be written, read or used. The message is one line and names the file or tensor and its fault.
/// </summary>
public sealed class CheckpointException : Exception
{
    public CheckpointException(string message) : base(message) { }
    public CheckpointException(string message, Exception inner) : base(message, inner) { }
}
