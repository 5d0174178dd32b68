using Ganymede.GpuNode.Runs;

namespace Ganymede.Tests;

public sealed class StepLogTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    [Fact]
    public void A_new_run_starts_an_empty_file()
    {
        Write(1, 2, 3);

        using (StepLog.Open(_path, firstStep: 0))
            Assert.Empty(File.ReadLines(_path));
    }

    [Fact]
    public void A_resumed_run_keeps_the_steps_up_to_its_checkpoint_and_goes_on()
    {
        Write(1, 2, 3, 4);

        using (var log = StepLog.Open(_path, firstStep: 2))
            log.Append(3, new { Step = 3, Again = true, Weights = (string?)null });

        Assert.Equal(["{\"step\":1}", "{\"step\":2}", "{\"step\":3,\"again\":true}"], File.ReadLines(_path));
    }

    [Fact]
    public void A_torn_last_line_goes()
    {
        File.WriteAllText(_path, "{\"step\":1}\n{\"st");

        using (StepLog.Open(_path, firstStep: 5))
            Assert.Equal(["{\"step\":1}"], File.ReadLines(_path));
    }

    [Fact]
    public void A_line_can_be_read_as_soon_as_it_is_appended()
    {
        using var log = StepLog.Open(_path, firstStep: 0);

        log.Append(1, new { Step = 1 });

        using var reader = new StreamReader(new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal("{\"step\":1}\n", reader.ReadToEnd());
    }

    public void Dispose() => File.Delete(_path);

    private void Write(params int[] steps) => File.WriteAllLines(_path, steps.Select(step => $"{{\"step\":{step}}}"));
}
